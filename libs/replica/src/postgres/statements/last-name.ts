import type { TableName } from '../../routing/table-name.js';
import { nameOfQuoted, nameOfWord } from './names.js';
import { Token } from './token.js';
import type { Tokenizer } from './tokenizer.js';

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
