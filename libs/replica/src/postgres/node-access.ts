import type pg from 'pg';
import type { NodeAccess, PoolLimits, PoolListener, Uptime } from '../execution/database.js';
import { openPool, type ConnectionPoolOptions, type PgConnectionPool } from './connection-pool.js';
import { answersAnew, askUptime } from './fresh-connection.js';
import { pgModule } from './pg-module.js';

/** Defaults of `pg-pool`: connections, and milliseconds. */
const DEFAULT_SIZE = 10;
const DEFAULT_IDLE_MS = 10_000;

/** How to reach one PostgreSQL server through `pg`. */
export class PostgresAccess implements NodeAccess {
  readonly limits: PoolLimits;
  readonly #options: ConnectionPoolOptions;

  constructor(options: ConnectionPoolOptions) {
    this.#options = options;
    this.limits = limitsOf(options.config);
  }

  get laneObstacle(): string | undefined {
    return laneObstacleOf(this.#options.config);
  }

  get isEachConnectionPrepared(): boolean {
    const { config, events } = this.#options;
    return 'onConnect' in config || events?.of.isConnectHeard === true;
  }

  openPool(listener: PoolListener): PgConnectionPool {
    return openPool(this.#options, listener);
  }

  answersAnew(timeoutMs: number, signal: AbortSignal): Promise<boolean> {
    return answersAnew(this.#options.config, { timeoutMs, signal });
  }

  askUptime(): Promise<Uptime> {
    return askUptime(this.#options.config);
  }
}

/** A statement may run until the server's `statement_timeout` or the driver's `query_timeout`, whichever comes first. */
export function limitsOf(config: pg.PoolConfig): PoolLimits {
  const { idleTimeoutMillis, maxLifetimeSeconds = 0, statement_timeout, query_timeout } = config;
  const limits = [Number(statement_timeout), Number(query_timeout)].filter((limit) => limit > 0);
  return {
    size: config.max ?? DEFAULT_SIZE,
    idleMs: (idleTimeoutMillis ?? DEFAULT_IDLE_MS) || Infinity,
    lifetimeMs: maxLifetimeSeconds > 0 ? maxLifetimeSeconds * 1000 : Infinity,
    statementMs: Math.min(Infinity, ...limits),
    allowExitOnIdle: config.allowExitOnIdle === true,
  };
}

/** The properties of a `pg` client that decide whether it can be a lane. */
interface LaneCandidate {
  readonly pipeline?: boolean;
  readonly connectionParameters?: { readonly query_timeout?: number | false };
}

/**
 * Explains why several reads cannot share a connection made with this config; `undefined`: they can. Opens no connection.
 *
 * - `pg` before 8.23 and `pg-native` have no pipeline.
 * - `query_timeout` would cut the connection under every read that shares it; `statement_timeout` does not.
 * - With `maxUses`, the pool counts how often a connection is used.
 */
function laneObstacleOf(config: pg.PoolConfig): string | undefined {
  const { maxUses } = config;
  if (maxUses !== undefined && maxUses !== Infinity) return 'maxUses counts how often a connection is used';
  const Client = (config as { Client?: new (config: object) => LaneCandidate }).Client ?? pgModule().Client;
  let client: LaneCandidate;
  try {
    client = new Client(config);
  } catch {
    return 'pg refuses the options, and tells whoever connects why';
  }
  if (client.pipeline === undefined)
    return 'this pg cannot send statements before answers: 8.23 or later can';
  return client.connectionParameters?.query_timeout
    ? 'query_timeout would cut the connection under all reads that share it: use statement_timeout'
    : undefined;
}
