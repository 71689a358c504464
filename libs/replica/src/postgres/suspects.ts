import { decoded } from '../options/option-values.js';

/** What a user, a database, a file or a host is called. A password that looks like this cannot be told from a name. */
const PLAIN_NAME = /^[\w./-]{1,63}$/;
/** Names are seldom made of all three. */
const KINDS_OF_LETTERS = [/[a-z]/, /[A-Z]/, /\d/];

/** How deep texts are looked for: `ssl: { ca: [...] }`. */
const DEPTH = 3;
/** A shorter piece of a text would be found anywhere. */
const MIN_PIECE_LETTERS = 3;

/**
 * The texts among the options of a connection that may be a password in the wrong place: all that are no plain names. Of a URL, its
 * parts.
 */
export function suspectsIn(options: unknown, depth = DEPTH): readonly string[] {
  if (typeof options === 'string') return isPlainName(options) ? [] : [options];
  if (typeof options !== 'object' || options === null || ArrayBuffer.isView(options) || depth === 0)
    return [];
  return Object.entries(options).flatMap(([key, value]) => {
    if (typeof value !== 'string') return suspectsIn(value, depth - 1);
    if (key === 'connectionString') return suspectsIn(partsOf(value));
    const found = suspectsIn(value);
    // The server takes these apart, and quotes what it does not understand.
    return key === 'options' && found.length > 0 ? [...found, ...piecesOf(value)] : found;
  });
}

function isPlainName(text: string): boolean {
  return text === '' || (PLAIN_NAME.test(text) && !KINDS_OF_LETTERS.every((kind) => kind.test(text)));
}

function piecesOf(options: string): readonly string[] {
  return options.split(/[\s=\\]+/).filter((piece) => piece.length >= MIN_PIECE_LETTERS);
}

/** As `pg` takes a URL apart, and as it stands there. */
function partsOf(connectionString: string): object {
  try {
    const { username, pathname, searchParams } = new URL(connectionString);
    const path = pathname.slice(1);
    return {
      ...Object.fromEntries(searchParams),
      parts: [username, path, ...searchParams.keys()].flatMap((part) => [part, decoded(part)]),
    };
  } catch {
    return [connectionString];
  }
}
