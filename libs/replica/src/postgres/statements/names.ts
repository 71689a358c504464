import { foldName, isAscii } from './characters.js';

/** Longer names are cut off silently (manual, 4.1.1: NAMEDATALEN - 1 bytes). */
const MAX_NAME_BYTES = 63;
/** So many UTF-16 units never need more bytes than that. */
const SURELY_SHORT = Math.floor(MAX_NAME_BYTES / 3);

/** What is behind so many UTF-16 units makes no difference to a name, also where each of them is a quote that is doubled. */
const MAX_LOOKED_AT = 4 * MAX_NAME_BYTES;

/** The name that an unquoted word stands for; `undefined` when that depends on the server's encoding. */
export function nameOfWord(word: string): string | undefined {
  const folded = foldName(word.length > MAX_LOOKED_AT ? word.slice(0, MAX_LOOKED_AT) : word);
  if (!isAscii(folded) && folded.toLowerCase() !== folded) return undefined;
  return cutName(folded);
}

/** The name that a quoted token, with its quotes, stands for; `undefined` when that depends on the server's encoding. */
export function nameOfQuoted(token: string): string | undefined {
  const inner = token.slice(1, Math.min(token.length - 1, MAX_LOOKED_AT));
  return cutName(inner.includes('"') ? inner.replaceAll('""', '"') : inner);
}

/** What remains of a name that may be too long; `undefined` when that depends on the server's encoding. */
export function cutName(name: string): string | undefined {
  if (name.length <= SURELY_SHORT) return name;
  if (isAscii(name)) return name.length <= MAX_NAME_BYTES ? name : name.slice(0, MAX_NAME_BYTES);
  return new TextEncoder().encode(name).length <= MAX_NAME_BYTES ? name : undefined;
}
