/** The code that the database, the driver, the system or this library gave the error; `undefined`: it has none. */
export function codeOf(error: unknown): string | undefined {
  if (typeof error !== 'object' || error === null || !('code' in error)) return undefined;
  return typeof error.code === 'string' ? error.code : undefined;
}

/** The error's text; for an `AggregateError` of several addresses, which has none, its first one's. Throws nothing. */
export function messageOf(error: unknown): string {
  try {
    return textOf(error);
  } catch {
    // Anybody's function may have thrown it.
    return 'unknown error';
  }
}

function textOf(error: unknown): string {
  if (typeof error !== 'object' || error === null) return String(error);
  const message = 'message' in error ? String(error.message) : '';
  if (message !== '') return message;
  if ('errors' in error && Array.isArray(error.errors) && error.errors.length > 0)
    return messageOf(error.errors[0]);
  return codeOf(error) ?? 'unknown error';
}
