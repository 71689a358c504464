import { isNativeError } from 'node:util/types';

/**
 * Whether it is an error, also one of another realm: of Node itself where code runs in a sandbox, as under Jest, or of a `vm` context.
 * `instanceof` alone is false for those, and `isNativeError()` alone for errors that an old library makes without a class.
 */
export function isError(value: unknown): value is Error {
  return isNativeError(value) || value instanceof Error;
}
