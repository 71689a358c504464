import { createHash } from 'node:crypto';
import { MYSQL, POSTGRES, type DatabaseFamily } from './database-type.js';
import { describe } from './option-problems.js';
import { decoded } from './option-values.js';
import type { NodeCredentials } from './replica-options.js';

/** What people give instead. Nothing else is repeated in errors, because the word before a colon may be a user's name. */
const OTHER_PROTOCOL = /^(?:postgres|postgresql|mysql|mariadb|https?|rediss?|mongodb|tcp):\/\/$/;

/** A host name (possibly an international one) or an IPv4 address, an IPv6 address, or the folder of a socket. */
const HOSTS = [/^[\p{L}\p{N}._-]+$/u, /^\[?[0-9a-f:.]+(%\w+)?\]?$/i, /^\/[\w./-]*$/];

/** The longest name in DNS. */
const MAX_HOST_LETTERS = 253;

/** The longest name of a node. */
const MAX_NAME_LETTERS = 64;

/** A node's `host:port`, for people, without any credential. Expects valid credentials. */
export function addressOf(node: NodeCredentials, family = POSTGRES): string {
  const { defaultPort } = family;
  if (node.url !== undefined) {
    const { hostname, port, searchParams } = new URL(node.url);
    // `pg` takes them in this order. The drivers of other databases do not look into the parameters.
    const parameters = family === POSTGRES ? searchParams : new URLSearchParams();
    const host = parameters.get('host') || decoded(hostname) || 'localhost';
    return `${host}:${parameters.get('port') || port || defaultPort}`;
  }
  return `${node.socketPath ?? node.host ?? 'localhost'}:${node.port ?? defaultPort}`;
}

/**
 * Makes a name for a node that has none. Every process makes the same one, because sessions remember names. It is the host, plus
 * the port unless that is the default. Characters other than letters, digits, `.`, `_` and `-` become `-`, and a long name ends in
 * a hash.
 */
export function nodeNameOf(host: string, port: number, { defaultPort } = POSTGRES): string {
  const full = port === defaultPort ? host : `${host}-${port}`;
  const name = full.replace(/[^\w.-]/g, '-');
  if (name.length <= MAX_NAME_LETTERS) return name;
  const hash = createHash('sha256').update(full).digest('hex').slice(0, 12);
  return `${name.slice(0, MAX_NAME_LETTERS - hash.length - 1)}-${hash}`;
}

/** Says what is wrong with a connection URL, without repeating it, because it holds a password; `undefined`: nothing. */
export function problemOfUrl(url: unknown, family = POSTGRES): string | undefined {
  const [first, second] = family.protocols.map((protocol) => `${protocol}//`);
  const unreadable = `cannot be read as ${first}user:password@host:port/database (percent-encode special characters of the password)`;
  if (typeof url !== 'string') return `must be a text, not ${describe(url)}`;
  if (url === '') return 'is empty';
  let parsed: URL;
  try {
    parsed = new URL(url);
  } catch {
    return unreadable;
  }
  const begin = /^[a-z]+:\/\//i.exec(url)?.[0].toLowerCase() ?? '';
  if (family.protocols.includes(parsed.protocol) && begin !== '')
    return isSplitRight(parsed) ? problemOfParameters(parsed, family) : unreadable;
  const shown = OTHER_PROTOCOL.test(begin) ? `begins with ${begin}; it` : 'begins otherwise; it';
  return `${shown} must begin with ${first} or ${second}`;
}

/** Says what is wrong with a host, without repeating it, because it may be a URL with a password; `undefined`: nothing. */
export function problemOfHost(host: unknown): string | undefined {
  if (typeof host !== 'string') return `must be a text, not ${describe(host)}`;
  if (host === '' || (host.length <= MAX_HOST_LETTERS && HOSTS.some((pattern) => pattern.test(host))))
    return undefined;
  return host.includes('://')
    ? 'must be the name or address of a host, not a URL: give that as url'
    : 'must be the name or address of a host, or the folder of its socket, and nothing else';
}

/** If a password holds a `/`, `?` or `#` that is not percent-encoded, the rest of the password ends up in the path, query or hash. */
function isSplitRight({ hostname, pathname, search, hash }: URL): boolean {
  const rest = pathname + search + hash;
  return hash === '' && !rest.includes('@') && problemOfHost(decoded(hostname)) === undefined;
}

/** `pg` takes host and port from the parameters, too. */
function problemOfParameters({ searchParams }: URL, family: DatabaseFamily): string | undefined {
  if (family === MYSQL) return undefined;
  const problem = problemOfHost(searchParams.get('host') ?? '');
  if (problem !== undefined) return `has a parameter host that ${problem}`;
  return /^\d{0,5}$/.test(searchParams.get('port') ?? '')
    ? undefined
    : 'has a parameter port that must be a number';
}
