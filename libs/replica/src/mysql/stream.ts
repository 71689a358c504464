import type { Readable } from 'node:stream';
import type { StatementCall, StreamCall } from '../execution/database.js';
import type { QueryCommand } from './answer.js';
import { mysql2Module } from './mysql2-module.js';

/** A command of `mysql2` behind the port. The application gets it before any connection is known, and listens to it. */
export class MysqlStream implements StreamCall {
  readonly text: string;
  readonly command: QueryCommand;
  #readable: Readable | undefined;

  constructor({ text, args: [query, values] }: StatementCall) {
    this.text = text;
    const command = mysql2Module().createQuery(query, values, undefined, {}) as QueryCommand;
    const stream = command.stream.bind(command);
    command.stream = (...options: Parameters<typeof stream>) => (this.#readable = stream(...options));
    this.command = command;
  }

  /** Whether the application has destroyed the readable stream that it made from the command. */
  get isDestroyed(): boolean {
    return this.#readable?.destroyed === true;
  }

  fail(error: unknown): void {
    // Nobody listens any more to a stream that was destroyed. An error to nobody would end the process.
    if (!this.isDestroyed || this.command.listenerCount('error') > 0) this.command.emit('error', error);
    // As `mysql2` does after an error of the server's.
    this.command.emit('end');
  }
}
