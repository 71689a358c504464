import type { TableName } from '../../routing/table-name.js';
import { foldName, isAscii } from './characters.js';
import { Token, type Tokenizer } from './tokenizer.js';

/** The server silently truncates longer names (manual, 4.1.1: NAMEDATALEN - 1 bytes). */
const MAX_NAME_BYTES = 63;
/** This many UTF-16 units always fit into that many bytes. */
const SURELY_SHORT = Math.floor(MAX_NAME_BYTES / 3);

/** UTF-16 units after this many cannot change the truncated name, even if every one is a doubled quote. */
const MAX_LOOKED_AT = 4 * MAX_NAME_BYTES;

/** The name that an unquoted word means; `undefined` if that depends on the server's encoding. */
export function nameOfWord(word: string): string | undefined {
  const folded = foldName(word.length > MAX_LOOKED_AT ? word.slice(0, MAX_LOOKED_AT) : word);
  if (!isAscii(folded) && folded.toLowerCase() !== folded) return undefined;
  return cutName(folded);
}

/** The name that a quoted token (with its quotes) means; `undefined` if that depends on the server's encoding. */
export function nameOfQuoted(token: string): string | undefined {
  const inner = token.slice(1, Math.min(token.length - 1, MAX_LOOKED_AT));
  return cutName(inner.includes('"') ? inner.replaceAll('""', '"') : inner);
}

/** Truncates a name that is too long; `undefined` if the result depends on the server's encoding. */
export function cutName(name: string): string | undefined {
  if (name.length <= SURELY_SHORT) return name;
  if (isAscii(name)) return name.length <= MAX_NAME_BYTES ? name : name.slice(0, MAX_NAME_BYTES);
  return new TextEncoder().encode(name).length <= MAX_NAME_BYTES ? name : undefined;
}

/** Functions without parentheses. They are reserved words, so no unquoted table name equals one (manual, 9.9, 9.27, C). */
const VALUE_FUNCTIONS: ReadonlySet<string> = new Set(
  'current_catalog current_date current_role current_schema current_time current_timestamp current_user localtime localtimestamp session_user user'.split(
    ' ',
  ),
);

/** The last name that was read. Stores only its place in the text, because the name itself is seldom needed. */
export class LastName {
  readonly #tokens: Tokenizer;
  #start = 0;
  #end = 0;
  /** The place of the name before the dot; empty without a dot. */
  #qualifierStart = 0;
  #qualifierEnd = 0;
  /** The keyword or mark before the name and its qualifier. */
  before = '';
  isQuoted = false;
  isQualified = false;

  constructor(tokens: Tokenizer) {
    this.#tokens = tokens;
  }

  /** Takes the current token as the last name; `before` is the keyword or mark before it. */
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

  /** The name as in the catalogs; `undefined` if it depends on the server's encoding. */
  name(): string | undefined {
    return nameOf(this.#tokens.text.slice(this.#start, this.#end));
  }

  /** The name as that of a relation, with its schema; `undefined` for a function without parentheses. */
  tableName(): TableName | undefined {
    const name = this.name() ?? '';
    if (!this.isQualified) return !this.isQuoted && VALUE_FUNCTIONS.has(name) ? undefined : { name };
    return { schema: nameOf(this.#tokens.text.slice(this.#qualifierStart, this.#qualifierEnd)), name };
  }
}

function nameOf(token: string): string | undefined {
  return token.startsWith('"') ? nameOfQuoted(token) : nameOfWord(token);
}
