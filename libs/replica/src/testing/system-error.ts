// In a sandbox such as Jest's, errors of Node itself come from another realm, so `instanceof Error` is false for them.

/** The code of a system error (`ENOENT`, `ESRCH`, ...); undefined for anything else. */
export function errorCode(error: unknown): string | undefined {
  const code = typeof error === 'object' && error !== null && 'code' in error ? error.code : undefined;
  return typeof code === 'string' ? code : undefined;
}

/** The message of an error, or any other thrown value as text. */
export function errorMessage(error: unknown): string {
  const message = typeof error === 'object' && error !== null && 'message' in error ? error.message : error;
  return String(message);
}
