import type { NodeCredentials, NodeOptions } from '../options/replica-options.js';
import { dropUndefined } from '../options/option-values.js';
import { TLS_PARAMETERS } from './with-servername.js';

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
