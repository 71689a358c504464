// Errors of Node itself come from another realm where code runs in a sandbox, as under Jest: `instanceof Error` is false there.

/** The code of a system error (`ENOENT`, `ESRCH`, ...); undefined for anything else. */
export function errorCode(error: unknown): string | undefined {
  const code = typeof error === 'object' && error !== null && 'code' in error ? error.code : undefined;
  return typeof code === 'string' ? code : undefined;
}

/** The message of an error, or the text of whatever else was thrown. */
export function errorMessage(error: unknown): string {
  const message = typeof error === 'object' && error !== null && 'message' in error ? error.message : error;
  return String(message);
}
