import { EventEmitter } from 'node:events';
import type pg from 'pg';
import type { Route } from '../routing/route.js';
import { KeptConnection } from './kept-connection.js';
import {
  failSubmittable,
  parseQueryCall,
  textOfSubmittable,
  type QueryCall,
  type Submittable,
} from './query-call.js';
import type { StatementRouter } from './statement-router.js';
import type { Statement } from './statements/index.js';

/**
 * A client as `pg` gives it out, that stands for all nodes: each statement gets a connection to the node that the rule
 * chooses. Three states:
 *
 * - idle: a read takes a connection for itself alone; anything else keeps one, on the primary.
 * - kept: a transaction is open, a stream flows, or a statement left something on the connection (`SET`, a temporary
 *   table, `LISTEN`): all statements go there. It ends with the transaction or stream, or when the client is released.
 *   A client of the primary's pool keeps its first connection for as long as it lives, as with `pg`.
 * - released: gives nothing out any more.
 *
 * Statements of one client run one after the other, in the order in which they were given, as with `pg`.
 */
export class RoutingClient extends EventEmitter {
  readonly #router: StatementRouter;
  readonly #primaryRunner: boolean;
  #kept: KeptConnection | undefined;
  /** Statements that are not answered yet, and what the last of them comes to. */
  #running = 0;
  #last: Promise<unknown> | undefined;
  #released = false;

  constructor(router: StatementRouter, primaryRunner: boolean) {
    super();
    this.#router = router;
    this.#primaryRunner = primaryRunner;
  }

  /** As `query` of a `pg` client: a text or a config, with values, by promise or callback; or a stream or cursor. */
  query(...args: unknown[]): unknown {
    const call = parseQueryCall(args);
    if (call.submittable !== undefined) {
      this.#queryStream(call.submittable);
      return call.submittable;
    }
    const outcome = this.#inOrder(() => this.#run(call));
    if (call.callback === undefined) return outcome;
    const { callback } = call;
    outcome.then(
      (result) => callback(null, result),
      (error: unknown) => callback(error),
    );
    return undefined;
  }

  /** Gives the connection back, if one is kept. A transaction that is open then is rolled back. */
  release(error?: unknown): void {
    if (this.#released) return;
    this.#released = true;
    this.#kept?.release(error);
    this.#kept = undefined;
    this.removeAllListeners();
  }

  /** The promise chain is only built when statements overlap. */
  #inOrder<T>(task: () => Promise<T>): Promise<T> {
    const begun = this.#running++ === 0 ? started(task) : (this.#last as Promise<unknown>).then(task, task);
    // Nobody but the caller may wait for what is returned: else stacks do not lead to him.
    const run = begun.then(this.#succeeded, this.#failed) as Promise<T>;
    this.#last = run;
    return run;
  }

  readonly #succeeded = (result: unknown): unknown => {
    this.#running--;
    return result;
  };

  readonly #failed = (error: unknown): never => {
    this.#running--;
    throw error;
  };

  #run(call: QueryCall): Promise<pg.QueryResult> {
    if (this.#released) throw new Error('Client was released and cannot be queried any more');
    const statement = this.#router.classify(call.text);
    this.#router.assertAllowed(statement);
    if (this.#kept !== undefined) return this.#runKept(this.#kept, call, statement);
    if (statement.kind === 'read' && !this.#primaryRunner)
      return this.#router.read(call.args, call.text, statement);
    return this.#runFirst(call, statement);
  }

  /**
   * The first statement on a connection that is kept from then on. Where it never reached a node, or is one that may be
   * sent twice, it is tried elsewhere: then the client's owner does not learn that a connection was lost.
   */
  async #runFirst(call: QueryCall, statement: Statement): Promise<pg.QueryResult> {
    const scope = this.#router.contexts.current();
    const readOnlyTransaction =
      statement.transaction === 'begin' && scope?.readOnlyTransaction === true && !this.#primaryRunner;
    const conditions = { text: call.text, primaryRunner: this.#primaryRunner, readOnlyTransaction };
    let stillborn: KeptConnection | undefined;
    try {
      return await this.#router.attempt({ statement, scope, conditions }, async (route, leave) => {
        stillborn = undefined;
        const kept = await this.#keep({ route, leave }, statement);
        try {
          return await this.#runKept(kept, call, statement);
        } catch (error) {
          if (kept.isStillborn) stillborn = kept;
          if (stillborn !== undefined && this.#kept === kept) this.#drop(kept, error);
          throw error;
        }
      });
    } catch (error) {
      if (stillborn !== undefined && this.listenerCount('error') > 0) this.emit('error', error);
      throw error;
    }
  }

  #drop(kept: KeptConnection, error: unknown): void {
    this.#kept = undefined;
    kept.release(error);
  }

  async #runKept(kept: KeptConnection, call: QueryCall, statement: Statement): Promise<pg.QueryResult> {
    try {
      return await kept.run(call, statement);
    } finally {
      if (kept.isFree && this.#kept === kept) this.#drop(kept, undefined);
    }
  }

  /** The stream is given back at once, as `pg` does; its rows wait for the connection. */
  #queryStream(submittable: Submittable): void {
    this.#inOrder(async () => {
      const text = textOfSubmittable(submittable);
      const statement = this.#router.classify(text);
      this.#router.assertAllowed(statement);
      const kept = this.#kept ?? (await this.#keepForStream(text, statement));
      await kept.stream(submittable, statement);
      if (kept.isFree && this.#kept === kept) this.#drop(kept, undefined);
    }).catch((error: unknown) => failSubmittable(submittable, error));
  }

  #keepForStream(text: string, statement: Statement): Promise<KeptConnection> {
    if (this.#released) throw new Error('Client was released and cannot be queried any more');
    const scope = this.#router.contexts.current();
    const conditions = { text, primaryRunner: this.#primaryRunner };
    return this.#router.attempt({ statement, scope, conditions }, (route, leave) =>
      this.#keep({ route, leave }, statement),
    );
  }

  async #keep(
    { route, leave }: { route: Route; leave: () => void },
    statement: Statement,
  ): Promise<KeptConnection> {
    const pool = this.#router.pool(route.node);
    const startedMs = this.#router.nowMs();
    const client = await pool.checkout().catch((error: unknown) => {
      this.#router.reports.failed(route, statement, startedMs, error);
      throw error;
    });
    const staysFor = this.#primaryRunner ? 'primary-runner' : undefined;
    const kept = new KeptConnection(this.#router, this, { route, pool, client, staysFor, leave });
    if (this.#released) {
      kept.release();
      throw new Error('Client was released while it waited for a connection');
    }
    this.#kept = kept;
    return kept;
  }
}

/** Also where it throws at once. */
function started<T>(task: () => Promise<T>): Promise<T> {
  try {
    return task();
  } catch (error) {
    return Promise.reject(error);
  }
}
