import type pg from 'pg';
import type { Listener } from '../execution/caller-emitter.js';
import { RoutedClient } from '../execution/routed-client.js';
import type { StatementRouter } from '../execution/statement-router.js';
import { clientOf } from './connection.js';
import { pgModule } from './pg-module.js';
import { parseQueryCall, PgStream, type QueryCall } from './query-call.js';

/** Transaction statuses in the letters of the protocol. */
const STATUS_LETTERS = { idle: 'I', open: 'T', failed: 'E' } as const;

/** A `pg`-shaped client that stands for all nodes. */
export class RoutingClient extends RoutedClient {
  readonly #returned: (() => void) | undefined;
  #types: pg.TypeOverrides | undefined;

  /**
   * @param primaryRunner whether everything goes to the primary
   * @param returned called once, when the client is released
   */
  constructor(router: StatementRouter, primaryRunner: boolean, returned?: () => void) {
    super(router, primaryRunner);
    this.#returned = returned;
  }

  /** A notification tells what the primary holds, as an answer does: only the primary can be listened to. */
  protected override listenerFor(event: string | symbol, listener: Listener): Listener {
    if (event !== 'notification') return listener;
    return (...args) => {
      const { contexts, primary, reports } = this.router;
      reports.shown(contexts.ofStatement(), { node: primary, reason: 'session-change' });
      listener.apply(this, args);
    };
  }

  override release(error?: unknown): void {
    super.release(error);
    this.#returned?.();
  }

  /** The server process behind the pinned connection; `null` while no connection is pinned. */
  get processID(): number | null {
    const { connection } = this;
    if (connection === undefined) return null;
    return (clientOf(connection) as { processID?: number | null }).processID ?? null;
  }

  /** The transaction status that the server last reported for the pinned connection. */
  getTransactionStatus(): 'I' | 'T' | 'E' {
    return STATUS_LETTERS[this.transactionStatus];
  }

  escapeIdentifier(text: string): string {
    return pgModule().escapeIdentifier(text);
  }

  escapeLiteral(text: string): string {
    return pgModule().escapeLiteral(text);
  }

  /** Applies to all queries of this client, on any node. Unlike in `pg`, it ends when the client is released. */
  setTypeParser(...args: Parameters<pg.TypeOverrides['setTypeParser']>): void {
    (this.#types ??= new (pgModule().TypeOverrides)()).setTypeParser(...args);
  }

  getTypeParser(...args: Parameters<pg.TypeOverrides['getTypeParser']>): unknown {
    return (this.#types ?? pgModule().types).getTypeParser(...args);
  }

  /** Like `query` of a `pg` client: takes a text or a config with values, by promise or callback, or a stream or cursor. */
  query(...args: unknown[]): unknown {
    const call =
      this.#types === undefined ? parseQueryCall(args) : withTypes(parseQueryCall(args), this.#types);
    const { submittable, callback } = call;
    if (submittable !== undefined) {
      // `pg` also returns it at once.
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
