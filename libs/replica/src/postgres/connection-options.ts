import type pg from 'pg';
import { dropUndefined } from '../options/option-values.js';
import type { PoolOptions, NodeCredentials, NodeOptions } from '../options/replica-options.js';
import type { ResolvedNode } from '../options/resolve-nodes.js';
import { DiscreetClient } from './discreet-client.js';

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

/** What a connection URL may say of TLS. `pg` puts it before the option `ssl`. */
export const TLS_PARAMETERS = [
  'ssl',
  'sslmode',
  'sslcert',
  'sslkey',
  'sslrootcert',
  'sslnegotiation',
  'uselibpqcompat',
];

/** The same connection, where the TLS certificate has to be for `servername`. The same without TLS. */
export function withServername<Config extends pg.ClientConfig>(
  config: Config,
  servername: string | undefined,
): Config {
  if (servername === undefined) return config;
  // Only `pg` knows what a URL, the options and the environment say together.
  const { ssl } = new DiscreetClient(config) as unknown as { readonly ssl: boolean | object };
  if (ssl === false) return config;
  const given = ssl === true ? {} : (ssl as { readonly key?: string });
  // `pg` hides the key from enumeration.
  const key = given.key === undefined ? {} : { key: given.key };
  return { ...config, ...withoutTls(config), ssl: { servername, ...given, ...key } };
}

function withoutTls({ connectionString }: pg.ClientConfig): pg.ClientConfig {
  if (connectionString === undefined) return {};
  const url = new URL(connectionString);
  const negotiation = url.searchParams.get('sslnegotiation');
  for (const parameter of TLS_PARAMETERS) url.searchParams.delete(parameter);
  return {
    connectionString: url.href,
    ...(negotiation === null ? {} : { sslnegotiation: negotiation as pg.ClientConfig['sslnegotiation'] }),
  };
}

/**
 * A node that is given by its host: whatever it lacks of user, password, database and TLS comes from the primary. A
 * node with a `url` of its own is complete.
 */
export function withConnectionOf(primary: NodeCredentials, node: NodeOptions): NodeOptions {
  if (node.url !== undefined) return node;
  const { username, password, database, ssl, ...rest } = dropUndefined(node) as NodeOptions;
  const own = dropUndefined({ username, password, database, ssl });
  if (primary.url === undefined) {
    const inherited = {
      username: primary.username,
      password: primary.password,
      database: primary.database,
      ssl: primary.ssl,
    };
    return { ...rest, ...dropUndefined(inherited), ...own };
  }
  const { host = 'localhost', port = 5432, ...others } = rest;
  const url = new URL(primary.url);
  for (const parameter of ['host', 'port']) url.searchParams.delete(parameter);
  url.hostname = host.includes(':') ? `[${host}]` : encodeURIComponent(host);
  url.port = String(port);
  if (username !== undefined) setPart(url, 'user', () => (url.username = username));
  if (typeof password === 'string') setPart(url, 'password', () => (url.password = password));
  if (database !== undefined) setPart(url, 'database', () => (url.pathname = `/${encodeURI(database)}`));
  if (ssl === undefined) return { ...others, url: url.href };
  for (const parameter of TLS_PARAMETERS) url.searchParams.delete(parameter);
  return { ...others, ssl, url: url.href };
}

/** A parameter of the URL would go before its part. */
function setPart(url: URL, parameter: string, set: () => void): void {
  url.searchParams.delete(parameter);
  set();
}
