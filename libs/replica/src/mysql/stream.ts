import type { StreamCall } from '../execution/database.js';
import type { QueryCommand } from './answer.js';

/** A command of `mysql2` behind the port. The application got it before any connection was known, and listens to it. */
export class MysqlStream implements StreamCall {
  readonly text: string;
  readonly command: QueryCommand;
  readonly #isDestroyed: () => boolean;

  /** @param isDestroyed whether the application has destroyed the readable stream that it made from the command */
  constructor(command: QueryCommand, isDestroyed: () => boolean = () => false) {
    this.command = command;
    this.text = command.sql;
    this.#isDestroyed = isDestroyed;
  }

  get isDestroyed(): boolean {
    return this.#isDestroyed();
  }

  fail(error: unknown): void {
    this.command.emit('error', error);
    // As `mysql2` does after an error of the server's.
    this.command.emit('end');
  }
}
