import pg from 'pg';
import { RoutedClient } from '../execution/routed-client.js';
import { clientOf } from './connection.js';
import { parseQueryCall, PgStream, type QueryCall } from './query-call.js';

/** What the server last said of a connection, in the letters of its protocol. */
const STATUS_LETTERS = { idle: 'I', open: 'T', failed: 'E' } as const;

/** A client as `pg` gives it out, that stands for all nodes. */
export class RoutingClient extends RoutedClient {
  #types: pg.TypeOverrides | undefined;

  /** The server's process behind the connection that is pinned; `null` while none is. */
  get processID(): number | null {
    const { connection } = this;
    if (connection === undefined) return null;
    return (clientOf(connection) as { processID?: number | null }).processID ?? null;
  }

  /** What the server last said of the connection that is pinned. */
  getTransactionStatus(): 'I' | 'T' | 'E' {
    return STATUS_LETTERS[this.transactionStatus];
  }

  escapeIdentifier(text: string): string {
    return pg.escapeIdentifier(text);
  }

  escapeLiteral(text: string): string {
    return pg.escapeLiteral(text);
  }

  /** For what this client queries, wherever it runs; unlike with `pg` it ends with the client. */
  setTypeParser(...args: Parameters<pg.TypeOverrides['setTypeParser']>): void {
    (this.#types ??= new pg.TypeOverrides()).setTypeParser(...args);
  }

  getTypeParser(...args: Parameters<pg.TypeOverrides['getTypeParser']>): unknown {
    return (this.#types ?? pg.types).getTypeParser(...args);
  }

  /** As `query` of a `pg` client: a text or a config, with values, by promise or callback; or a stream or cursor. */
  query(...args: unknown[]): unknown {
    const call =
      this.#types === undefined ? parseQueryCall(args) : withTypes(parseQueryCall(args), this.#types);
    const { submittable, callback } = call;
    if (submittable !== undefined) {
      // Given back at once, as `pg` does.
      this.stream(new PgStream(submittable));
      return submittable;
    }
    const outcome = this.run(call);
    if (callback === undefined) return outcome;
    outcome.then(
      (result) => callback(null, result as unknown as pg.QueryResult),
      (error: unknown) => callback(error),
    );
    return undefined;
  }
}

function withTypes(call: QueryCall, types: pg.TypeOverrides): QueryCall {
  if (call.submittable !== undefined) return call;
  const [query, values] = call.args;
  const config = typeof query === 'string' ? { text: query } : (query as object);
  return { ...call, args: [{ types, ...config }, values] };
}
