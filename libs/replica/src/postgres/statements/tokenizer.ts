import { Character, characterClass, continuesName } from './characters.js';

export const Token = {
  end: 0,
  /** cannot be parsed, so the text must not count as a read */
  broken: 1,
  /** a name or keyword without quotes */
  word: 2,
  /** a name in double quotes */
  quoted: 3,
  /** a constant in single quotes or dollar quotes */
  string: 4,
  number: 5,
  /** `$1` */
  parameter: 6,
  operator: 7,
  open: 8,
  close: 9,
  openBracket: 10,
  closeBracket: 11,
  comma: 12,
  dot: 13,
  semicolon: 14,
  /** `::` */
  cast: 15,
  /** `:`, `:=`, `=>`, `..` */
  other: 16,
} as const;
export type TokenType = (typeof Token)[keyof typeof Token];

const QUOTE = 0x27;
const DOUBLE_QUOTE = 0x22;
const BACKSLASH = 0x5c;
const DOLLAR = 0x24;
const MINUS = 0x2d;
const SLASH = 0x2f;
const STAR = 0x2a;
const NEWLINE = 0x0a;
const RETURN = 0x0d;

const SINGLE: ReadonlyMap<number, TokenType> = new Map<number, TokenType>([
  [0x28, Token.open],
  [0x29, Token.close],
  [0x5b, Token.openBracket],
  [0x5d, Token.closeBracket],
  [0x2c, Token.comma],
  [0x3b, Token.semicolon],
]);

/** Matches the numbers that all versions since 14 read in the same way. */
const NUMBER =
  /(?:0[xX][\da-fA-F]+|0[oO][0-7]+|0[bB][01]+|(?:\d+(?:_\d+)*(?:\.(?!\.)\d*)?|\.\d+)(?:[eE][+-]?\d+)?)/y;
const BITS = /'[\da-fA-F]*'(?!')/y;
const DOLLAR_TAG = /\$(?:[a-zA-Z_\u0080-\uffff][a-zA-Z0-9_\u0080-\uffff]*)?\$/y;
/** The server rejects longer names (manual, 4.1.3). The limit also bounds how often a long row of signs is read again. */
const MAX_OPERATOR_LENGTH = 63;
/**
 * A text with more tokens than this is broken. It is enough for a list of all parameters that a statement may have (65,535), and limits
 * the time to some 20 ms.
 */
const MAX_TOKENS = 150_000;
const SIGNS = [0x2b, MINUS];
/** An operator may end in + or - only if it contains one of these (manual, 4.1.3). */
const MAY_END_IN_SIGN = /[~!@#^&|`?%]/;

/**
 * Splits a text into tokens as PostgreSQL's scanner does (manual, 4.1 Lexical Structure). It only moves forward, so its time grows in
 * proportion to the text. A token is `broken` if PostgreSQL rejects it, or reads it differently in another version or with another
 * setting. Do not read on after a broken token.
 */
export class Tokenizer {
  readonly text: string;
  type: TokenType = Token.end;
  /** The index of the token's first character, and of the one after its last. */
  start = 0;
  end = 0;
  readonly #plainBackslashes: boolean;
  /** The last token was a constant that a further constant on the next line would continue (manual, 4.1.2.1). */
  #mayContinue = false;
  /** Up to this index there are only signs (+ and -), each of which is its own operator. */
  #signsEnd = 0;
  #left = MAX_TOKENS;

  /** @param plainBackslashes `standard_conforming_strings` is known to be on; otherwise a backslash before a quote is broken */
  constructor(text: string, plainBackslashes: boolean) {
    this.text = text;
    this.#plainBackslashes = plainBackslashes;
  }

  next(): TokenType {
    const mayContinue = this.#mayContinue;
    this.#mayContinue = false;
    if (this.#left === 0 || !this.#skipBlanks()) return this.#broken();
    this.#left -= 1;
    const { text, start } = this;
    if (start >= text.length) return this.#token(Token.end, start);
    const code = text.charCodeAt(start);
    switch (characterClass(code)) {
      case Character.name:
        return this.#word(code);
      case Character.digit:
        return this.#number();
      case Character.operator:
        return this.#operator();
      case Character.other:
        return code === QUOTE && mayContinue ? this.#broken() : this.#punctuation(code);
      default:
        return this.#broken();
    }
  }

  /** Creates a tokenizer at the same place, to look ahead. */
  fork(): Tokenizer {
    const fork = new Tokenizer(this.text, this.#plainBackslashes);
    fork.join(this);
    return fork;
  }

  join(other: Tokenizer): void {
    this.type = other.type;
    this.start = other.start;
    this.end = other.end;
    this.#mayContinue = other.#mayContinue;
    this.#signsEnd = other.#signsEnd;
    this.#left = other.#left;
  }

  #token(type: TokenType, end: number): TokenType {
    this.end = end;
    this.type = type;
    return type;
  }

  #broken(): TokenType {
    return this.#token(Token.broken, this.text.length);
  }

  /** Moves `start` to the next token. Returns false in an unfinished comment. */
  #skipBlanks(): boolean {
    const { text } = this;
    let at = this.end;
    for (;;) {
      const code = text.charCodeAt(at);
      if (characterClass(code) === Character.space) at += 1;
      else if (code === MINUS && text.charCodeAt(at + 1) === MINUS) at = this.#endOfLine(at + 2);
      else if (code === SLASH && text.charCodeAt(at + 1) === STAR) {
        at = this.#endOfComment(at + 2);
        if (at < 0) return false;
      } else break;
    }
    this.start = at;
    return true;
  }

  #endOfLine(from: number): number {
    const { text } = this;
    let at = from;
    while (at < text.length && text.charCodeAt(at) !== NEWLINE && text.charCodeAt(at) !== RETURN) at += 1;
    return at;
  }

  /** Comments nest (manual, 4.1.5). */
  #endOfComment(from: number): number {
    const { text } = this;
    let depth = 1;
    for (let at = from; at < text.length; at += 1) {
      const code = text.charCodeAt(at);
      const following = text.charCodeAt(at + 1);
      if (code === STAR && following === SLASH) {
        at += 1;
        depth -= 1;
        if (depth === 0) return at + 1;
      } else if (code === SLASH && following === STAR) {
        at += 1;
        depth += 1;
      }
    }
    return -1;
  }

  #word(first: number): TokenType {
    const { text, start } = this;
    let at = start + 1;
    while (continuesName(text.charCodeAt(at))) at += 1;
    if (at === start + 1) {
      const prefix = first | 0x20;
      const following = text.charCodeAt(at);
      if (following === QUOTE) {
        if (prefix === 0x65) return this.#escapeString(at);
        if (prefix === 0x62 || prefix === 0x78) return this.#bits(at);
        if (prefix === 0x6e) return this.#plainString(at);
      }
      // U&'...' and U&"..." contain escapes. A name would have to be decoded, so it is broken.
      const second = text.charCodeAt(at + 1);
      if (prefix === 0x75 && following === 0x26 && second === DOUBLE_QUOTE) return this.#broken();
      if (prefix === 0x75 && following === 0x26 && second === QUOTE) return this.#unicodeString(at + 1);
    }
    return this.#token(Token.word, at);
  }

  #number(): TokenType {
    NUMBER.lastIndex = this.start;
    NUMBER.test(this.text);
    const end = NUMBER.lastIndex;
    const isJunk = end === 0 || continuesName(this.text.charCodeAt(end));
    return isJunk ? this.#broken() : this.#token(Token.number, end);
  }

  #operator(): TokenType {
    const { text, start } = this;
    let end = start + 1;
    if (end < this.#signsEnd) return this.#token(Token.operator, end);
    for (let code; characterClass((code = text.charCodeAt(end))) === Character.operator; end += 1) {
      const following = text.charCodeAt(end + 1);
      if ((code === MINUS && following === MINUS) || (code === SLASH && following === STAR)) break;
      if (end - start > MAX_OPERATOR_LENGTH) return this.#broken();
    }
    if (end === start + 1) return this.#token(Token.operator, end);
    const name = text.slice(start, end);
    if (!MAY_END_IN_SIGN.test(name)) {
      this.#signsEnd = end;
      while (end > start + 1 && SIGNS.includes(text.charCodeAt(end - 1))) end -= 1;
    }
    return this.#token(text.slice(start, end) === '=>' ? Token.other : Token.operator, end);
  }

  #punctuation(code: number): TokenType {
    const { text, start } = this;
    const single = SINGLE.get(code);
    if (single !== undefined) return this.#token(single, start + 1);
    const following = text.charCodeAt(start + 1);
    switch (code) {
      case QUOTE:
        return this.#plainString(start);
      case DOUBLE_QUOTE:
        return this.#quotedName();
      case DOLLAR:
        return characterClass(following) === Character.digit ? this.#parameter() : this.#dollarString();
      case 0x2e:
        if (characterClass(following) === Character.digit) return this.#number();
        return following === 0x2e ? this.#token(Token.other, start + 2) : this.#token(Token.dot, start + 1);
      default:
        if (following === 0x3a) return this.#token(Token.cast, start + 2);
        return this.#token(Token.other, following === 0x3d ? start + 2 : start + 1);
    }
  }

  /** The index after the closing quote, or -1 without one. Doubled quotes are part of the text. */
  #closing(quote: string, from: number): number {
    const { text } = this;
    let at = from;
    for (;;) {
      at = text.indexOf(quote, at);
      if (at < 0) return -1;
      if (text[at + 1] !== quote) return at + 1;
      at += 2;
    }
  }

  #plainString(quote: number): TokenType {
    const end = this.#closing("'", quote + 1);
    if (end < 0) return this.#broken();
    if (!this.#plainBackslashes) {
      if (this.text.slice(quote + 1, end).includes("\\'")) return this.#broken();
    }
    return this.#token(Token.string, end);
  }

  #unicodeString(quote: number): TokenType {
    const end = this.#closing("'", quote + 1);
    if (end < 0) return this.#broken();
    this.#mayContinue = true;
    return this.#token(Token.string, end);
  }

  #bits(quote: number): TokenType {
    BITS.lastIndex = quote;
    if (!BITS.test(this.text)) return this.#broken();
    this.#mayContinue = true;
    return this.#token(Token.string, BITS.lastIndex);
  }

  #escapeString(quote: number): TokenType {
    const { text } = this;
    for (let at = quote + 1; at < text.length; at += 1) {
      const code = text.charCodeAt(at);
      if (code === BACKSLASH) at += 1;
      else if (code === QUOTE) {
        if (text.charCodeAt(at + 1) === QUOTE) at += 1;
        else {
          this.#mayContinue = true;
          return this.#token(Token.string, at + 1);
        }
      }
    }
    return this.#broken();
  }

  #dollarString(): TokenType {
    const { text, start } = this;
    DOLLAR_TAG.lastIndex = start;
    if (!DOLLAR_TAG.test(text)) return this.#broken();
    const tag = text.slice(start, DOLLAR_TAG.lastIndex);
    const end = text.indexOf(tag, DOLLAR_TAG.lastIndex);
    return end < 0 ? this.#broken() : this.#token(Token.string, end + tag.length);
  }

  #parameter(): TokenType {
    const { text, start } = this;
    let at = start + 2;
    while (characterClass(text.charCodeAt(at)) === Character.digit) at += 1;
    return continuesName(text.charCodeAt(at)) ? this.#broken() : this.#token(Token.parameter, at);
  }

  #quotedName(): TokenType {
    const end = this.#closing('"', this.start + 1);
    return end < 0 || end === this.start + 2 ? this.#broken() : this.#token(Token.quoted, end);
  }
}
