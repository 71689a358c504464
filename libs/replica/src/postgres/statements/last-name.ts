import { nameOfQuoted, nameOfWord } from './names.js';
import { Token } from './token.js';
import type { Tokenizer } from './tokenizer.js';

/** Remembers a name by its place in the text, for it is seldom asked what it is. */
export class LastName {
  readonly #tokens: Tokenizer;
  #start = 0;
  #end = 0;
  isQuoted = false;
  /** A dot stands before it. */
  isQualified = false;

  constructor(tokens: Tokenizer) {
    this.#tokens = tokens;
  }

  /** The current token is the last name. */
  set(isQualified: boolean): void {
    this.#start = this.#tokens.start;
    this.#end = this.#tokens.end;
    this.isQuoted = this.#tokens.type === Token.quoted;
    this.isQualified = isQualified;
  }

  /** As the catalogs have it; `undefined` when that depends on the server's encoding. */
  name(): string | undefined {
    const token = this.#tokens.text.slice(this.#start, this.#end);
    return this.isQuoted ? nameOfQuoted(token) : nameOfWord(token);
  }
}
