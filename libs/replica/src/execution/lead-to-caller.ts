import { isError } from '../errors/is-error.js';

/** As drivers do: lets the stack of an error lead to whoever awaits the promise in a reaction to which this is called. */
export function leadToCaller(error: unknown): void {
  if (isError(error)) Error.captureStackTrace(error);
}
