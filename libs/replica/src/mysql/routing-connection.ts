import type { Query } from 'mysql2';
import { RoutedClient } from '../execution/routed-client.js';
import type { MysqlAnswer } from './answer.js';
import { physicalOf } from './connection.js';
import { statementCallOf, type QueryCallback } from './query-call.js';
import { MysqlStream } from './stream.js';

/** The `mysql2`-shaped connection that stands for all nodes, as code with promises uses it. */
class PromiseConnection {
  readonly #connection: RoutingConnection;

  constructor(connection: RoutingConnection) {
    this.#connection = connection;
  }

  query(query: unknown, values?: unknown): Promise<MysqlAnswer> {
    return this.#connection.ask(query, values);
  }

  release(): void {
    this.#connection.release();
  }
}

/** A `mysql2`-shaped connection that stands for all nodes. */
export class RoutingConnection extends RoutedClient {
  #promises: PromiseConnection | undefined;
  #isReleased = false;

  /** The server's number for the pinned connection; `null` while no connection is pinned. */
  get threadId(): number | null {
    const { connection } = this;
    return connection === undefined ? null : (physicalOf(connection).driver.threadId ?? null);
  }

  /** Always the same object. */
  promise(): PromiseConnection {
    return (this.#promises ??= new PromiseConnection(this));
  }

  /**
   * As `query` of a `mysql2` connection: takes a text or an object with `sql`, then values and a callback. Without a callback it
   * returns a command that emits the rows, or gives them as a stream.
   */
  query(query: unknown, values?: unknown, callback?: QueryCallback): Query | undefined {
    if (typeof values === 'function') return this.query(query, undefined, values as QueryCallback);
    if (callback === undefined) {
      const stream = new MysqlStream(statementCallOf(query, values));
      this.stream(stream);
      return stream.command;
    }
    this.ask(query, values).then(([rows, fields]) => callback(null, rows, fields), callback);
    return undefined;
  }

  /** To release it again does no harm, as in `mysql2`: TypeORM does so when a stream fails. */
  override release(error?: unknown): void {
    if (this.#isReleased) return;
    this.#isReleased = true;
    super.release(error);
  }

  /** Runs one statement. Resolves with its rows and their columns. */
  ask(query: unknown, values: unknown): Promise<MysqlAnswer> {
    return this.run(statementCallOf(query, values)) as Promise<unknown> as Promise<MysqlAnswer>;
  }
}
