import type { TableName } from '../../routing/table-name.js';
import { foldName, isAscii } from './characters.js';
import { Token, type Tokenizer } from './tokenizer.js';

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

/** Functions without parentheses: reserved words, so no table has such a name without quotes (manual, 9.9, 9.27, C). */
const VALUE_FUNCTIONS: ReadonlySet<string> = new Set(
  'current_catalog current_date current_role current_schema current_time current_timestamp current_user localtime localtimestamp session_user user'.split(
    ' ',
  ),
);

/** Remembers a name by its place in the text, for it is seldom asked what it is. */
export class LastName {
  readonly #tokens: Tokenizer;
  #start = 0;
  #end = 0;
  /** Of the name before the dot; empty without one. */
  #qualifierStart = 0;
  #qualifierEnd = 0;
  /** The keyword or mark before it, and before what qualifies it. */
  before = '';
  isQuoted = false;
  /** A dot stands before it. */
  isQualified = false;

  constructor(tokens: Tokenizer) {
    this.#tokens = tokens;
  }

  /** The current token is the last name, and `before` stands before it. */
  set(before: string): void {
    const isQualified = before === '.';
    if (!isQualified) this.before = before;
    this.#qualifierStart = isQualified ? this.#start : 0;
    this.#qualifierEnd = isQualified ? this.#end : 0;
    this.#start = this.#tokens.start;
    this.#end = this.#tokens.end;
    this.isQuoted = this.#tokens.type === Token.quoted;
    this.isQualified = isQualified;
  }

  /** As the catalogs have it; `undefined` when that depends on the server's encoding. */
  name(): string | undefined {
    return nameOf(this.#tokens.text.slice(this.#start, this.#end));
  }

  /** As the name of a relation, which has its schema before the dot; `undefined` for a function without parentheses. */
  tableName(): TableName | undefined {
    const name = this.name() ?? '';
    if (!this.isQualified) return !this.isQuoted && VALUE_FUNCTIONS.has(name) ? undefined : { name };
    return { schema: nameOf(this.#tokens.text.slice(this.#qualifierStart, this.#qualifierEnd)), name };
  }
}

function nameOf(token: string): string | undefined {
  return token.startsWith('"') ? nameOfQuoted(token) : nameOfWord(token);
}
