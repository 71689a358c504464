import { createHash } from 'node:crypto';

/** The longest name of a node. */
const MAX_LETTERS = 64;

/**
 * Makes a name for a node that has none. Every process makes the same one, because sessions remember names. It is the host, plus
 * the port unless that is 5432. Characters other than letters, digits, `.`, `_` and `-` become `-`, and a long name ends in
 * a hash.
 */
export function nodeNameOf(host: string, port: number): string {
  const full = port === 5432 ? host : `${host}-${port}`;
  const name = full.replace(/[^\w.-]/g, '-');
  if (name.length <= MAX_LETTERS) return name;
  const hash = createHash('sha256').update(full).digest('hex').slice(0, 12);
  return `${name.slice(0, MAX_LETTERS - hash.length - 1)}-${hash}`;
}
