import type pg from 'pg';
import { DiscreetClient } from '../postgres/discreet-client.js';
import type { NodeCredentials, NodeOptions } from '../options/replica-options.js';
import { dropUndefined } from '../options/resolve-nodes.js';

/** What a connection URL may say of TLS. `pg` puts it before the option `ssl`. */
const TLS_PARAMETERS = [
  'ssl',
  'sslmode',
  'sslcert',
  'sslkey',
  'sslrootcert',
  'sslnegotiation',
  'uselibpqcompat',
];

/**
 * A node given by its host, with what it does not say of user, password, database and TLS taken from the primary. One
 * with a `url` of its own says all itself.
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
