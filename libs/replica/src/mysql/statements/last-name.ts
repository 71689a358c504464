import type { TableName } from '../../routing/table-name.js';
import { Token, type Tokenizer } from './tokenizer.js';

/** The last name that was read. Stores only its place in the text, because the name itself is seldom needed. */
export class LastName {
  readonly #tokens: Tokenizer;
  #start = 0;
  #end = 0;
  /** The place of the name before the dot; empty without a dot. */
  #qualifierStart = 0;
  #qualifierEnd = 0;
  isQuoted = false;
  /** How many names and dots precede it. */
  depth = 0;

  constructor(tokens: Tokenizer) {
    this.#tokens = tokens;
  }

  /** Takes the current token as the last name. */
  set(isQualified: boolean): void {
    this.depth = isQualified ? this.depth + 1 : 0;
    this.#qualifierStart = this.#start;
    this.#qualifierEnd = this.#end;
    this.#start = this.#tokens.start;
    this.#end = this.#tokens.end;
    this.isQuoted = this.#tokens.type === Token.quoted;
  }

  name(): string {
    return nameOf(this.#tokens.text.slice(this.#start, this.#end));
  }

  /** The name with that of its database, if it has one. */
  qualifiedName(): TableName {
    if (this.depth === 0) return { name: this.name() };
    return {
      schema: nameOf(this.#tokens.text.slice(this.#qualifierStart, this.#qualifierEnd)),
      name: this.name(),
    };
  }
}

/** The name that a token means, without its quotes. */
function nameOf(token: string): string {
  const quote = token[0];
  if (quote !== '`' && quote !== '"') return token;
  return token.slice(1, -1).replaceAll(`${quote}${quote}`, quote);
}
