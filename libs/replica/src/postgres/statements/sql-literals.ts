/** A list of names as constants in SQL. The names hold no quotes. */
export function literals(names: readonly string[]): string {
  return names.map((name) => `'${name}'`).join(', ');
}

/** The characters that begin an unquoted name, as a regular expression of the server's; all beyond ASCII are among them. */
export const NAME_START = String.raw`[^\x01-\x40\x5b-\x5e\x60\x7b-\x7f]`;
/** Those that may go on it, any number of them. */
export const NAME_REST = String.raw`[^\x01-\x23\x25-\x2f\x3a-\x40\x5b-\x5e\x60\x7b-\x7f]*`;
