import { isError } from '../errors/is-error.js';

/** Makes the stack of an error lead to the code that awaits the promise, as drivers do. Call it in a reaction of that promise. */
export function leadToCaller(error: unknown): void {
  if (isError(error)) Error.captureStackTrace(error);
}
