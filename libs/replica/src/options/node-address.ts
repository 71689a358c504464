import type { NodeCredentials } from './replica-options.js';

/** Protocols of a PostgreSQL connection URL. */
const PROTOCOLS = ['postgres:', 'postgresql:'];

/** `host:port` of a node, for people: no credential. Expects credentials that were validated. */
export function addressOf(node: NodeCredentials): string {
  if (node.url !== undefined) {
    const { hostname, port, searchParams } = new URL(node.url);
    return `${hostname || searchParams.get('host') || 'localhost'}:${port || '5432'}`;
  }
  return `${node.host ?? 'localhost'}:${node.port ?? 5432}`;
}

/** What is wrong with a connection URL, without repeating it (it holds a password); `undefined`: nothing. */
export function problemOfUrl(url: unknown): string | undefined {
  if (typeof url !== 'string') return `must be a text, not ${typeof url}`;
  if (url === '') return 'is empty';
  let parsed: URL;
  try {
    parsed = new URL(url);
  } catch {
    return 'cannot be read as postgres://user:password@host:port/database (percent-encode special characters of the password)';
  }
  return PROTOCOLS.includes(parsed.protocol)
    ? undefined
    : `begins with ${JSON.stringify(parsed.protocol)}; it must be postgres:// or postgresql://`;
}
