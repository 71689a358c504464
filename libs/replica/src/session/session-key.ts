import { createHash } from 'node:crypto';

/** A key of up to so many letters is kept as it is; a longer one by its hash. */
export const MAX_KEPT_LETTERS = 64;

/** The key, or its hash (43 letters) where it is longer than {@link MAX_KEPT_LETTERS}: what is kept of it is bounded. */
export function boundedKey(key: string): string {
  return key.length <= MAX_KEPT_LETTERS ? key : createHash('sha256').update(key).digest('base64url');
}

/**
 * An equal text with memory of its own, for whoever keeps it. A key cut out of a header is a slice: kept as it is, it would keep
 * the whole header alive.
 */
export function ownCopy(key: string): string {
  const copy = Buffer.from(key, 'latin1').toString('latin1');
  return copy === key ? copy : Buffer.from(key, 'utf16le').toString('utf16le');
}
