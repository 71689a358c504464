import type pg from 'pg';
import type { PoolOptions } from '../options/replica-options.js';
import { dropUndefined } from '../options/option-values.js';
import type { ResolvedNode } from '../options/resolve-nodes.js';
import { withServername } from './with-servername.js';

/** What all pools share; from TypeORM's options. */
export interface PoolSettings {
  readonly connectTimeoutMs: number;
  readonly applicationName?: string;
  readonly poolSize?: number;
  /** TypeORM's `extra`: passed to `pg` as it stands. */
  readonly extra: Readonly<Record<string, unknown>>;
  readonly onIdleError: (error: Error, node: string) => void;
  /** A connection of any pool was made. */
  readonly onConnect?: (client: pg.ClientBase) => void;
}

/**
 * One node's pool as TypeORM would make it for `pg`: its options, then `extra`, and before both what our own `pool` says of
 * this node. There is always a limit to how long a connection is waited for.
 */
export function poolConfig(node: ResolvedNode, settings: PoolSettings): pg.PoolConfig {
  const config: pg.PoolConfig = {
    ...connectionConfig(node),
    connectionTimeoutMillis: settings.connectTimeoutMs,
    application_name: settings.applicationName ?? node.credentials.applicationName,
    ...(settings.poolSize === undefined ? {} : { max: settings.poolSize }),
    ...settings.extra,
    ...ownConfig(node.pool),
  };
  // `pg` takes 0 for: wait without an end.
  if (!((config.connectionTimeoutMillis ?? 0) > 0))
    config.connectionTimeoutMillis = settings.connectTimeoutMs;
  return withServername(config, node.servername);
}

function ownConfig(pool: PoolOptions): pg.PoolConfig {
  const { size, idleTimeoutMs, connectTimeoutMs, maxLifetimeMs, statementTimeoutMs, applicationName } = pool;
  return dropUndefined<pg.PoolConfig>({
    max: size,
    idleTimeoutMillis: idleTimeoutMs,
    connectionTimeoutMillis: connectTimeoutMs,
    // A fraction of a second counts, too.
    maxLifetimeSeconds: maxLifetimeMs === undefined ? undefined : maxLifetimeMs / 1_000,
    statement_timeout: statementTimeoutMs,
    application_name: applicationName,
  });
}

/** The monitor's own connection: nothing but how to reach the node. */
export function probeConfig(node: ResolvedNode, settings: PoolSettings): pg.ClientConfig {
  const { ssl, keepAlive } = settings.extra as Pick<pg.ClientConfig, 'ssl' | 'keepAlive'>;
  const config: pg.ClientConfig = {
    ...connectionConfig(node),
    ...(ssl === undefined ? {} : { ssl }),
    ...(keepAlive === undefined ? {} : { keepAlive }),
  };
  return withServername(config, node.servername);
}

function connectionConfig({ credentials }: ResolvedNode): pg.ClientConfig {
  const { url, host, port, username, password, database, ssl } = credentials;
  return {
    connectionString: url,
    host,
    port,
    user: username,
    password,
    database,
    ssl: ssl as pg.ClientConfig['ssl'],
  };
}
