import { EventEmitter } from 'node:events';
import type pg from 'pg';
import type { NodePool } from '../execution/pools/node-pool.js';
import type { StatementRouter } from '../execution/statement-router.js';
import { PgConnectionPool, type PoolEvents } from './connection-pool.js';
import { parseQueryCall, type Submittable } from './query-call.js';
import { RoutingClient } from './routing-client.js';

/** The sizes and times of a pool. Connection options are left out, because some are secret. */
const SETTINGS = [
  'max',
  'min',
  'maxUses',
  'maxLifetimeSeconds',
  'idleTimeoutMillis',
  'connectionTimeoutMillis',
  'allowExitOnIdle',
] as const;

type Release = (error?: unknown) => void;
type ConnectCallback = (error: unknown, client?: RoutingClient, release?: Release) => void;
type QueryCallback = (error: unknown, result?: pg.QueryResult) => void;

/**
 * A `pg`-shaped pool whose clients stand for all nodes. It gives out clients without a connection, so an application starts even if every
 * replica is down. It also serves code that uses `pg` directly: it takes the same calls, counts the connections of its nodes and emits
 * their events. The primary's pool emits the events of all nodes, because without replicas it would be the only pool.
 */
export class RoutingPool extends EventEmitter {
  ending = false;
  ended = false;
  readonly #router: StatementRouter;
  readonly #primaryRunner: boolean;

  /** @param primaryRunner sends everything that is asked of this pool to the primary */
  constructor(router: StatementRouter, poolEvents: PoolEvents, primaryRunner: boolean) {
    super();
    this.#router = router;
    this.#primaryRunner = primaryRunner;
    poolEvents.add({ emitter: this, hears: (node) => primaryRunner || node !== router.primary });
    // The new listener has not seen the existing connections, so they are replaced.
    this.on('newListener', (event) => {
      if (event === 'connect') for (const pool of router.nodePools) pool.renew();
    });
  }

  connect(): Promise<RoutingClient>;
  connect(callback: ConnectCallback): void;
  connect(callback?: ConnectCallback): Promise<RoutingClient> | void {
    if (this.ending) {
      const error = new Error('Cannot use a pool after calling end on the pool');
      return callback === undefined ? Promise.reject(error) : callback(error);
    }
    const client = new RoutingClient(this.#router, this.#primaryRunner);
    if (callback === undefined) return Promise.resolve(client);
    // As soon as possible: a request may end before statements that it does not await, and they need its context for routing.
    queueMicrotask(() => callback(undefined, client, (error?: unknown) => client.release(error)));
  }

  /** Runs one statement on its own client: a text, a config, a stream or a cursor, by promise or callback. */
  query(query: unknown, values?: unknown, callback?: QueryCallback): Promise<unknown> | void {
    const done = [query, values, callback].find((argument) => typeof argument === 'function') as
      QueryCallback | undefined;
    if (typeof query === 'function') {
      const error = new Error('Passing a function as the first parameter to pool.query is not supported');
      setImmediate(query as QueryCallback, error);
      return;
    }
    const outcome = this.#query(query, typeof values === 'function' ? undefined : values);
    if (done === undefined) return outcome;
    outcome.then(
      (result) => done(undefined, result as pg.QueryResult),
      (error: unknown) => done(error),
    );
  }

  async #query(query: unknown, values: unknown): Promise<unknown> {
    const { submittable, text } = parseQueryCall([query]);
    this.#router.assertLeavesNoTransaction(text);
    const client = await this.connect();
    try {
      return await (submittable === undefined ? client.query(query, values) : runToEnd(client, submittable));
    } finally {
      client.release();
    }
  }

  get totalCount(): number {
    return this.#sum('total');
  }

  get idleCount(): number {
    return this.#sum('idle');
  }

  get waitingCount(): number {
    return this.#sum('waiting');
  }

  get expiredCount(): number {
    return this.#sum('expired');
  }

  /** The sizes and times of the first node's pool, which stand for all. Contains no connection options. */
  get options(): Partial<pg.PoolConfig> {
    const [first] = this.#pools;
    if (!(first?.connectionPool instanceof PgConnectionPool)) return {};
    const all = first.connectionPool.pool.options as unknown as Record<string, unknown>;
    return Object.fromEntries(SETTINGS.map((key) => [key, all[key]]));
  }

  /** Closes no connection: the data source owns them and ends them when it is destroyed. */
  end(): Promise<void>;
  end(callback: (error?: unknown) => void): void;
  end(callback?: (error?: unknown) => void): Promise<void> | void {
    const error = this.ending ? new Error('Called end on pool more than once') : undefined;
    this.ending = true;
    this.ended = true;
    if (callback !== undefined) return callback(error);
    return error === undefined ? Promise.resolve() : Promise.reject(error);
  }

  get #pools(): readonly NodePool[] {
    const { nodePools, primary } = this.#router;
    return nodePools.filter(({ name }) => (name === primary) === this.#primaryRunner);
  }

  #sum(count: 'total' | 'idle' | 'waiting' | 'expired'): number {
    return this.#pools.reduce((sum, { connectionPool }) => sum + connectionPool[count], 0);
  }
}

/** Resolves with the result if the submittable is a `pg` query. A stream or cursor has no result and ends when the client is idle. */
function runToEnd(client: RoutingClient, submittable: Submittable): Promise<unknown> {
  return new Promise((resolve, reject) => {
    submittable.callback ??= (error, result) => {
      if (error === null || error === undefined) resolve(result);
      else reject(error);
    };
    client.query(submittable);
    void client.whenIdle().then(resolve);
  });
}
