/** Where strategies for log-ins put a name, the one that people know first. */
const FIELDS = ['username', 'email', 'name', 'login', 'preferred_username', 'userId', 'id', 'sub'];

/** Whom guards found behind a request, for the log: of `request.user`, which holds other things as well. */
export function nameOfUser(request: unknown): string {
  const user = (request as { user?: unknown } | null | undefined)?.user;
  const fields = typeof user === 'object' && user !== null ? (user as Record<string, unknown>) : {};
  const name = typeof user === 'string' ? user : FIELDS.map((field) => fields[field]).find(isName);
  // A line of the log must stay one line.
  return name === undefined
    ? 'somebody'
    : String(name)
        .replaceAll(/\p{C}+/gu, ' ')
        .slice(0, 100);
}

function isName(value: unknown): value is string | number {
  return (typeof value === 'string' && value !== '') || typeof value === 'number';
}
