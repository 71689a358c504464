import type { ConnectionOptions, Pool, PoolOptions } from 'mysql2';
import type { StatementRouter } from '../execution/statement-router.js';
import { mysql2Module, type Mysql2 } from './mysql2-module.js';
import { RoutingConnection } from './routing-connection.js';

type ConnectionCallback = (error: Error | null, connection?: RoutingConnection) => void;
type EndCallback = (error?: Error) => void;

/** By this name TypeORM adds the primary to its cluster of pools. It calls the replicas `SLAVE0`, `SLAVE1`, ... */
const PRIMARY = 'MASTER';

/**
 * A pool, or a cluster of pools, in the shape of `mysql2` whose connections stand for all nodes. It gives out connections without
 * opening one, so an application starts even if every replica is down.
 */
class RoutingPool {
  readonly #router: StatementRouter;
  #isEnded = false;

  constructor(router: StatementRouter) {
    this.#router = router;
  }

  /** Adds nothing: the data source knows its nodes. */
  add(): void {
    // TypeORM calls this for each node.
  }

  /** Takes a pattern of names and a callback, and between them perhaps a selector. Only a pattern that is the primary's name matters. */
  getConnection(...args: [...patterns: string[], callback: ConnectionCallback]): void {
    const callback = args.at(-1) as ConnectionCallback;
    if (this.#isEnded) return callback(new Error('Pool is closed.'));
    const connection = new RoutingConnection(this.#router, args[0] === PRIMARY);
    // As soon as possible: a request may end before statements that it does not await, and they need its context for routing.
    queueMicrotask(() => callback(null, connection));
  }

  /** Closes no connection: the data source owns them and ends them when it is destroyed. */
  end(callback?: EndCallback): void {
    this.#isEnded = true;
    callback?.();
  }
}

/** What escapes values. */
type Escapes = Pick<Mysql2, 'escape' | 'escapeId' | 'format' | 'raw'>;

/** The part of the `mysql2` module that TypeORM uses (`driver` in its options for MySQL and MariaDB), and what escapes values. */
export interface MysqlDriver extends Escapes {
  createPool(): RoutingPool;
  createPoolCluster(): RoutingPool;
}

/** Creates a module in the shape of `mysql2` whose connections route statements. */
export function createMysqlDriver(router: () => StatementRouter): MysqlDriver {
  const createPool = (): RoutingPool => new RoutingPool(router());
  const { escape, escapeId, format, raw } = mysql2Module();
  return { createPool, createPoolCluster: createPool, escape, escapeId, format, raw };
}

/** Creates a module in the shape of `mysql2` whose pools all connect to the node in `config` and route nothing. */
export function createPlainDriver(config: () => ConnectionOptions & PoolOptions): object {
  const mysql2 = mysql2Module();
  const createPool = (): Pool => mysql2.createPool(config());
  const createPoolCluster = (): object => {
    const pool = createPool();
    return {
      add: () => undefined,
      getConnection: (_: string, callback: Parameters<Pool['getConnection']>[0]) =>
        pool.getConnection(callback),
      end: (callback: Parameters<Pool['end']>[0]) => pool.end(callback),
    };
  };
  // TypeORM 0.3 recognizes `mysql2` by the rest of it.
  return { ...mysql2, createPool, createPoolCluster };
}
