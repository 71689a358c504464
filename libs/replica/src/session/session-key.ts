import { createHash } from 'node:crypto';
import { isPromise } from 'node:util/types';
import {
  InvalidSessionKeyError,
  MAX_KEY_LETTERS,
  type SessionFunction,
} from '../errors/invalid-session-key.error.js';

/** A key of at most this many letters is kept as it is, a longer one as its hash. */
export const MAX_KEPT_LETTERS = 64;

/** The key, or its hash (43 letters) if it is longer than {@link MAX_KEPT_LETTERS}. So the memory for a key is bounded. */
export function boundedKey(key: string): string {
  return key.length <= MAX_KEPT_LETTERS ? key : createHash('sha256').update(key).digest('base64url');
}

/** An equal text with memory of its own. A key cut out of a header is a slice, and would keep the whole header alive. */
export function ownCopy(key: string): string {
  const copy = Buffer.from(key, 'latin1').toString('latin1');
  return copy === key ? copy : Buffer.from(key, 'utf16le').toString('utf16le');
}

/** Returns a text, `undefined` or `null` as it is. Throws an {@link InvalidSessionKeyError} for anything else. */
export function checkedKey(option: SessionFunction, value: unknown): string | null | undefined {
  // A token that is too long is damaged. It counts as none, which its reader finds out.
  if (typeof value === 'string' && (value.length <= MAX_KEY_LETTERS || isTokenOf(option))) return value;
  if (value === undefined || value === null) return value;
  // Nobody else handles its rejection.
  if (isPromise(value)) value.catch(() => undefined);
  throw new InvalidSessionKeyError(option, value);
}

function isTokenOf(option: SessionFunction): boolean {
  return option === 'session.token.read' || option === 'the token';
}
