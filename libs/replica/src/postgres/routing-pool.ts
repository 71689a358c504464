import type { EventEmitter } from 'node:events';
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

/** What a routing pool stands for. */
export interface RoutingPoolParts {
  readonly router: StatementRouter;
  readonly events: PoolEvents;
  /** The nodes whose connections it counts. With `'primary'` everything that is asked of the pool goes to the primary. */
  readonly nodes: 'primary' | 'replicas' | 'all';
  /** Ends the connections. `undefined`: they have another owner, and the end of the pool closes none. */
  readonly close?: () => Promise<void>;
}

/** A class of pools that is a subclass of the `Pool` of a `pg` module. */
export type RoutingPoolClass = new (parts: RoutingPoolParts) => pg.Pool;

/** The part of `pg`'s pools that a routing pool builds on. Their private parts hold no connection. */
type PoolBase = new (
  settings: object,
) => EventEmitter & { ending: boolean; ended: boolean; readonly options: object };

/**
 * Makes a class of `pg` pools whose clients stand for all nodes. A pool gives out clients without a connection, so an application starts even
 * if every replica is down. It also serves code that uses `pg` directly: it takes the same calls, counts the connections of its nodes and
 * emits their events. The primary's pool emits the events of all nodes, because without replicas it would be the only pool.
 */
export function routingPoolClass({ Pool }: typeof pg): RoutingPoolClass {
  class RoutingPool extends (Pool as unknown as PoolBase) {
    readonly #parts: RoutingPoolParts;
    /** Clients that were given out and not returned, and who waits for their return. */
    #clients = 0;
    #allReturned: (() => void) | undefined;

    constructor(parts: RoutingPoolParts) {
      super(settingsOf(poolsOf(parts)[0] ?? parts.router.pool(parts.router.primary)));
      this.#parts = parts;
      const { router, events, nodes } = parts;
      events.add({ emitter: this, hears: (node) => nodes !== 'replicas' || node !== router.primary });
      // The new listener has not seen the existing connections, so they are replaced.
      this.on('newListener', (event) => {
        if (event === 'connect') for (const pool of router.nodePools) pool.renew();
      });
    }

    connect(callback?: ConnectCallback): Promise<RoutingClient> | void {
      if (this.ending) {
        const error = new Error('Cannot use a pool after calling end on the pool');
        return callback === undefined ? Promise.reject(error) : callback(error);
      }
      this.#clients++;
      const { router, nodes } = this.#parts;
      const client = new RoutingClient(router, nodes === 'primary', this.#returned);
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
      this.#parts.router.assertLeavesNoTransaction(text);
      const client = (await this.connect()) as RoutingClient;
      try {
        return await (submittable === undefined
          ? client.query(query, values)
          : runToEnd(client, submittable));
      } finally {
        client.release();
      }
    }

    get totalCount(): number {
      return sumOf(this.#parts, 'total');
    }

    get idleCount(): number {
      return sumOf(this.#parts, 'idle');
    }

    get waitingCount(): number {
      return sumOf(this.#parts, 'waiting');
    }

    get expiredCount(): number {
      return sumOf(this.#parts, 'expired');
    }

    end(callback?: (error?: unknown) => void): Promise<void> | void {
      const ended = this.ending
        ? Promise.reject(new Error('Called end on pool more than once'))
        : this.#end(this.#parts.close);
      if (callback === undefined) return ended;
      ended.then(() => callback(), callback);
    }

    /** As with `pg`, whoever has a client may use it until they return it. */
    async #end(close: RoutingPoolParts['close']): Promise<void> {
      this.ending = true;
      if (close !== undefined) {
        if (this.#clients > 0) await new Promise<void>((resolve) => (this.#allReturned = resolve));
        await close();
      }
      this.ended = true;
    }

    readonly #returned = (): void => {
      if (--this.#clients === 0) this.#allReturned?.();
    };
  }
  return RoutingPool as unknown as RoutingPoolClass;
}

function poolsOf({ router, nodes }: RoutingPoolParts): readonly NodePool[] {
  const { nodePools, primary } = router;
  return nodes === 'all'
    ? nodePools
    : nodePools.filter(({ name }) => (name === primary) === (nodes === 'primary'));
}

function sumOf(parts: RoutingPoolParts, count: 'total' | 'idle' | 'waiting' | 'expired'): number {
  return poolsOf(parts).reduce((sum, { connectionPool }) => sum + connectionPool[count], 0);
}

/** The sizes and times of one node's pool, which stand for all. Contains no connection options. */
function settingsOf({ connectionPool }: NodePool): object {
  if (!(connectionPool instanceof PgConnectionPool)) return {};
  const all = connectionPool.pool.options as unknown as Record<string, unknown>;
  return Object.fromEntries(SETTINGS.map((key) => [key, all[key]]));
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
