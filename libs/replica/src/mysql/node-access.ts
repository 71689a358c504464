import {
  callAtOnce,
  type ConnectionPool,
  type NodeAccess,
  type NodeHooks,
  type PoolLimits,
  type PoolListener,
  type Uptime,
} from '../execution/database.js';
import type { NodeConnection } from './connection-options.js';
import { MysqlConnectionPool } from './connection-pool.js';
import { answersAnew, askUptime } from './fresh-connection.js';
import type { ConnectionSource } from './open-connection.js';
import { laneObstacleOf } from './lanes/lane-obstacle.js';

/** How to reach one server through `mysql2`. */
export class MysqlAccess implements NodeAccess {
  readonly limits: PoolLimits;
  /**
   * `mysql2` and the handshake set up what a reset would change: the database, parts of `sql_mode`, and what makes the connection
   * tell positions or refuse writes.
   */
  readonly isEachConnectionPrepared = true;
  readonly #connection: NodeConnection & Pick<ConnectionSource, 'open'>;
  readonly #hooks: NodeHooks;
  readonly #onIdleError: (error: Error) => void;

  /** @param onIdleError called in place of the hook of this name */
  constructor(
    connection: NodeConnection & Pick<ConnectionSource, 'open'>,
    hooks: NodeHooks,
    onIdleError: (error: Error) => void,
  ) {
    this.#connection = connection;
    this.#hooks = hooks;
    this.#onIdleError = onIdleError;
    this.limits = connection.limits;
  }

  get laneObstacle(): string | undefined {
    return laneObstacleOf(this.#connection);
  }

  openPool(listener: PoolListener): ConnectionPool {
    const { limits, checkAfterIdleMs } = this.#connection;
    const { check, outside = callAtOnce, isReplica } = this.#hooks;
    return new MysqlConnectionPool(
      {
        source: this.#connection,
        limits,
        checkAfterIdleMs,
        role: () => (isReplica?.() === true ? 'replica' : 'primary'),
        onIdleError: this.#onIdleError,
        check,
        outside,
        nowMs: () => performance.now(),
      },
      listener,
    );
  }

  answersAnew(timeoutMs: number, signal: AbortSignal): Promise<boolean> {
    return answersAnew(this.#connection, { timeoutMs, signal });
  }

  askUptime(): Promise<Uptime> {
    return askUptime(this.#connection);
  }
}
