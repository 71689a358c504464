import { isPromise } from 'node:util/types';

/** The user's function that was asked who the client is. */
export type SessionFunction =
  | 'session.key'
  | 'session.token.read'
  | 'the token'
  | 'bindSession()'
  | 'explain()'
  | 'runRequest({ sessionKey })';

/** Longer texts are no keys; letters. Node's own limit for all headers of a request is a quarter of that. */
export const MAX_KEY_LETTERS = 65_536;

/** `String(id)` would make one session of all who have no `id`. */
const AS_TEXT = 'write id?.toString(), which leaves undefined as it is';

const MENDS: Readonly<Record<string, string>> = {
  'a number': `: ${AS_TEXT}`,
  'a bigint': `: ${AS_TEXT}`,
  'a promise': ': it is asked for at once, so await it before, say in a guard that puts it on the request',
};

/**
 * A function that has to say who the client is gave something that cannot be. The request fails before its handler begins. The
 * message names what came, and never its value.
 */
export class InvalidSessionKeyError extends TypeError {
  override readonly name = 'InvalidSessionKeyError';
  readonly code = 'REPLICA_INVALID_SESSION_KEY';
  /** Whose answer it was. */
  readonly option: SessionFunction;
  /** What came, such as `a number` or `a promise`. */
  readonly given: string;

  constructor(option: SessionFunction, value: unknown) {
    const given = kindOf(value);
    const wanted = option === 'bindSession()' ? 'a text' : 'a text, null or undefined';
    super(
      `${option} must ${option === 'bindSession()' ? 'get' : 'be'} ${wanted}, not ${given}${MENDS[given] ?? ''}`,
    );
    this.option = option;
    this.given = given;
  }
}

function kindOf(value: unknown): string {
  if (value === null || value === '') return value === null ? 'null' : 'an empty one';
  if (typeof value === 'string') return `one of ${value.length} letters (at most ${MAX_KEY_LETTERS})`;
  if (Number.isNaN(value)) return 'NaN';
  if (isPromise(value)) return 'a promise';
  if (Array.isArray(value)) return 'a list';
  if (value === undefined) return 'undefined';
  return typeof value === 'object' ? 'an object' : `a ${typeof value}`;
}
