import type pg from 'pg';
import { dropUndefined } from '../options/option-values.js';
import type { PoolOptions, NodeCredentials, NodeOptions } from '../options/replica-options.js';
import type { ResolvedNode } from '../options/resolve-nodes.js';
import { discreetClient } from './discreet-client.js';

/** The settings that all pools share. They come from TypeORM's options. */
export interface PoolSettings {
  readonly connectTimeoutMs: number;
  readonly applicationName?: string;
  readonly poolSize?: number;
  /** TypeORM's `extra`; `pg` gets it unchanged. */
  readonly extra: Readonly<Record<string, unknown>>;
  readonly onIdleError: (error: Error, node: string) => void;
  /** Called with each new connection of any pool. */
  readonly onConnect?: (client: pg.ClientBase) => void;
}

/**
 * Builds a node's `pg` pool config as TypeORM would. Our own `pool` option for the node overrides `extra`, which overrides TypeORM's
 * other options. The config always limits how long a caller waits for a connection.
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
  // To `pg`, 0 means no limit.
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
    // `pg` accepts fractions of a second.
    maxLifetimeSeconds: maxLifetimeMs === undefined ? undefined : maxLifetimeMs / 1_000,
    statement_timeout: statementTimeoutMs,
    application_name: applicationName,
  });
}

/** Builds the config of the monitor's own connection, which says only how to reach the node. */
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

/** The TLS parameters of a connection URL. In `pg` they override the option `ssl`. */
const TLS_PARAMETERS = [
  'ssl',
  'sslmode',
  'sslcert',
  'sslkey',
  'sslrootcert',
  'sslnegotiation',
  'uselibpqcompat',
];

/** Requires the server's TLS certificate to be for `servername`. Changes nothing without TLS. */
export function withServername<Config extends pg.ClientConfig>(
  config: Config,
  servername: string | undefined,
): Config {
  if (servername === undefined) return config;
  // Only `pg` knows how the URL, the options and the environment combine.
  const { ssl } = new (discreetClient())(config) as unknown as { readonly ssl: boolean | object };
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
 * Completes a node that is given by its host: user, password, database and TLS default to the primary's. A node with its own `url` is
 * complete already.
 */
export function withConnectionOf(primary: NodeCredentials, node: NodeOptions): NodeOptions {
  if (node.url !== undefined) return node;
  const { username, password, database, ssl, ...rest } = dropUndefined(node) as NodeOptions;
  if (primary.url === undefined) return { ...rest, ...loginOf(primary), ...loginOf(node) };
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

function loginOf({ username, password, database, ssl }: NodeOptions): NodeOptions {
  return dropUndefined({ username, password, database, ssl });
}

/** A query parameter such as `user` would override the same part of the URL, so this removes it. */
function setPart(url: URL, parameter: string, set: () => void): void {
  url.searchParams.delete(parameter);
  set();
}
