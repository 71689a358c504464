/** Longer texts are cut. */
const MAX_SHOWN_CHARACTERS = 2_000;

const DOLLAR_QUOTED = /\$([A-Za-z_]\w*)?\$.*?\$\1\$/gs;
const QUOTED = /'(?:[^']|'')*'?/g;
const NUMBER = /(?<![\w$])\d+(?:\.\d+)?(?![\w])/g;

/**
 * A text of the server's statistics as it may be shown. The server takes the literals out of most statements, but not of commands such as
 * CREATE USER ... PASSWORD. What is left of them becomes `?`.
 */
export function withoutLiterals(text: string): string {
  // Where a backslash stands before a quote, the settings of somebody's session decide which quote ends the literal.
  const [readable = ''] = text.split(/'[^']*\\'/);
  const masked = readable
    .slice(0, MAX_SHOWN_CHARACTERS)
    .replaceAll(DOLLAR_QUOTED, '?')
    .replaceAll(QUOTED, '?')
    .replaceAll(NUMBER, '?')
    .replaceAll(/\s+/g, ' ')
    .trim();
  return readable.length < text.length || readable.length > MAX_SHOWN_CHARACTERS ? `${masked} ...` : masked;
}
