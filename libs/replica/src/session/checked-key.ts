import { isPromise } from 'node:util/types';
import {
  InvalidSessionKeyError,
  MAX_KEY_LETTERS,
  type SessionFunction,
} from '../errors/invalid-session-key.error.js';

/** Gives the text, or `undefined`/`null` as they are; throws an {@link InvalidSessionKeyError} for anything else. */
export function checkedKey(option: SessionFunction, value: unknown): string | null | undefined {
  // A token that is too long is a damaged one, and counts as none.
  if (typeof value === 'string' && (value.length <= MAX_KEY_LETTERS || isTokenOf(option))) return value;
  if (value === undefined || value === null) return value;
  // Nobody else waits for it.
  if (isPromise(value)) value.catch(() => undefined);
  throw new InvalidSessionKeyError(option, value);
}

function isTokenOf(option: SessionFunction): boolean {
  return option === 'session.token.read' || option === 'the token';
}
