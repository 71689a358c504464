import { createHash } from 'node:crypto';

/** Names of nodes are at most so long. */
const MAX_LETTERS = 64;

/**
 * A name for a node that was given none: the same in every process that finds it, since sessions remember names. Its host,
 * and its port where that is not 5432; what is no letter, digit, `.`, `_` or `-` becomes `-`; a long one ends in a hash.
 */
export function nodeNameOf(host: string, port: number): string {
  const full = port === 5432 ? host : `${host}-${port}`;
  const name = full.replace(/[^\w.-]/g, '-');
  if (name.length <= MAX_LETTERS) return name;
  const hash = createHash('sha256').update(full).digest('hex').slice(0, 12);
  return `${name.slice(0, MAX_LETTERS - hash.length - 1)}-${hash}`;
}
