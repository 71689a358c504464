import { connect, type Socket } from 'node:net';
import type { ConnectionOptions } from 'mysql2';
import { decoded, dropUndefined } from '../options/option-values.js';
import type { PoolLimits } from '../execution/database.js';
import type { NodeCredentials, NodeOptions } from '../options/replica-options.js';
import type { ResolvedNode } from '../options/resolve-nodes.js';

/** The settings that the pools of all nodes share. They come from TypeORM's options. */
export interface MysqlSettings {
  readonly connectTimeoutMs: number;
  readonly applicationName?: string;
  readonly poolSize?: number;
  /**
   * Options of `mysql2` for each connection, as TypeORM would pass them (`charset`, `timezone`, `bigNumberStrings`, ...), and what
   * the application gives in `extra`. They do not say how to reach a node.
   */
  readonly connection: Readonly<Record<string, unknown>>;
  readonly onIdleError: (error: Error, node: string) => void;
}

/** Defaults of `mysql2`'s pool: connections, and milliseconds. */
const DEFAULT_SIZE = 10;
const DEFAULT_IDLE_MS = 60_000;

/** Options of a pool of `mysql2`. This library's own pool takes their place. */
const POOL_KEYS = [
  'connectionLimit',
  'maxIdle',
  'idleTimeout',
  'queueLimit',
  'waitForConnections',
  'acquireTimeout',
  'resetOnRelease',
  'connectTimeout',
] as const;

type PoolExtra = Partial<Record<(typeof POOL_KEYS)[number], number>>;

/** How to connect to a node. */
export interface NodeConnection {
  readonly config: () => ConnectionOptions;
  readonly timeoutMs: number;
  readonly limits: PoolLimits;
  /** The server's limit for a statement, in milliseconds; `undefined`: its own settings decide. */
  readonly statementMs: number | undefined;
  readonly checkAfterIdleMs: number;
}

/** Combines what the options say about a node. Its own `pool` overrides `extra`, which overrides TypeORM's other options. */
export function nodeConnection(node: ResolvedNode, settings: MysqlSettings): NodeConnection {
  const { pool } = node;
  const { connectionLimit, idleTimeout, connectTimeout, acquireTimeout } = settings.connection as PoolExtra;
  const timeoutMs = pool.connectTimeoutMs ?? (acquireTimeout || connectTimeout || settings.connectTimeoutMs);
  const applicationName = pool.applicationName ?? settings.applicationName;
  return {
    config: () => connectionConfig(node, settings, applicationName),
    timeoutMs,
    statementMs: pool.statementTimeoutMs,
    checkAfterIdleMs: pool.checkAfterIdleMs ?? Infinity,
    limits: {
      size: pool.size ?? connectionLimit ?? settings.poolSize ?? DEFAULT_SIZE,
      idleMs: (pool.idleTimeoutMs ?? idleTimeout ?? DEFAULT_IDLE_MS) || Infinity,
      lifetimeMs: pool.maxLifetimeMs ?? Infinity,
      statementMs: pool.statementTimeoutMs ?? Infinity,
      allowExitOnIdle: false,
    },
  };
}

/** How to connect the monitor: its questions are this library's own, so nothing of the application's changes their answers. */
export function probeConfig(node: ResolvedNode, settings: MysqlSettings): ConnectionOptions {
  const { ssl, compress, stream, authPlugins, enableCleartextPlugin } = settings.connection;
  const transport = dropUndefined({ ssl, compress, stream, authPlugins, enableCleartextPlugin });
  return connectionConfig(node, { connection: transport }, 'nestjs-replica monitor');
}

function connectionConfig(
  { credentials, servername }: ResolvedNode,
  { connection }: Pick<MysqlSettings, 'connection'>,
  applicationName: string | undefined,
): ConnectionOptions {
  const others = Object.entries(connection).filter(
    ([key]) => !(POOL_KEYS as readonly string[]).includes(key),
  );
  const { url, host, port, socketPath, username: user, password, database, ssl } = credentials;
  const reach = { host, port, socketPath, user, password, database, ssl };
  const config = {
    ...Object.fromEntries(others),
    // `mysql2` takes from the URL only what is not given otherwise.
    ...dropUndefined({ uri: url, ...reach }),
    ...(applicationName === undefined ? {} : { connectAttributes: { program_name: applicationName } }),
  } as ConnectionOptions;
  return servername === undefined ? config : withServername(config, servername);
}

/** TLS options that also check the name. `mysql2` keeps what it makes of TLS options by their object. */
const checkingName = new WeakMap<object, object>();

/**
 * Requires the server's TLS certificate to be for `servername`. `mysql2` only knows the name of the host, so it gets this one, and a
 * socket that leads to the real host. Changes nothing without TLS.
 */
function withServername(config: ConnectionOptions, servername: string): ConnectionOptions {
  const { ssl, stream } = config;
  if (typeof ssl !== 'object' || stream !== undefined) return config;
  let tls = checkingName.get(ssl);
  if (tls === undefined) checkingName.set(ssl, (tls = { ...ssl, verifyIdentity: true }));
  const { host, port } = addressOf(config);
  const connectThere = (): Socket => connect(port, host).setNoDelay(true).setKeepAlive(true);
  return { ...config, host: servername, ssl: tls, stream: connectThere };
}

function addressOf({ uri, host, port }: ConnectionOptions): { readonly host: string; readonly port: number } {
  const url = uri === undefined ? undefined : new URL(uri);
  return {
    host: host ?? (url === undefined ? 'localhost' : decoded(url.hostname).replace(/^\[(.+)\]$/, '$1')),
    port: port ?? (Number(url?.port) || 3306),
  };
}

/**
 * Completes a node that is given by its host: user, password, database and TLS default to the primary's. A node with its own `url`
 * is complete already.
 */
export function withConnectionOf(primary: NodeCredentials, node: NodeOptions): NodeOptions {
  if (node.url !== undefined) return node;
  const { host = 'localhost', port = 3306, ...own } = dropUndefined(node) as NodeOptions;
  if (primary.url === undefined) {
    const { username, password, database, ssl } = primary;
    return { ...dropUndefined({ username, password, database, ssl }), host, port, ...own };
  }
  const { username, password, database, ...others } = own;
  const url = new URL(primary.url);
  url.hostname = host.includes(':') ? `[${host}]` : encodeURIComponent(host);
  url.port = String(port);
  if (username !== undefined) url.username = username;
  if (typeof password === 'string') url.password = password;
  if (database !== undefined) url.pathname = `/${encodeURIComponent(database)}`;
  return { ...others, url: url.href };
}
