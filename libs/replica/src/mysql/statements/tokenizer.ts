/** The type of a token. */
export const Token = {
  end: 0,
  /** cannot be parsed, so the text must not count as a read */
  broken: 1,
  /** a name or keyword without quotes */
  word: 2,
  /** a name in backticks, or something in double quotes: a name or a text, depending on `sql_mode` */
  quoted: 3,
  /** a text in single quotes */
  string: 4,
  number: 5,
  /** `?` or `:name` */
  parameter: 6,
  operator: 7,
  open: 8,
  close: 9,
  comma: 10,
  dot: 11,
  semicolon: 12,
  /** `@`, before the name of a variable */
  at: 13,
  /** `:=` */
  assign: 14,
} as const;
export type TokenType = (typeof Token)[keyof typeof Token];

const Character = { invalid: 0, space: 1, name: 2, digit: 3, operator: 4, other: 5 } as const;
const ASCII = 128;

function classes(): Uint8Array {
  const table = new Uint8Array(ASCII);
  const mark = (characters: string, value: number): void => {
    for (const character of characters) table[character.charCodeAt(0)] = value;
  };
  mark(' \t\n\r\f\v', Character.space);
  mark('abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ_$', Character.name);
  mark('0123456789', Character.digit);
  mark('~!^&|+-*/%<>=', Character.operator);
  mark('()@,.;:\'"`#?', Character.other);
  return table;
}

const CLASSES = classes();

/** A letter or digit beyond ASCII. Blanks there are letters for some character sets, and blanks for others. */
const LETTER = /[\p{L}\p{N}]/u;

function classOf(code: number): number {
  if (code < ASCII) return CLASSES[code] ?? Character.invalid;
  return code >= ASCII && LETTER.test(String.fromCharCode(code)) ? Character.name : Character.invalid;
}

const QUOTE = 0x27;
const DOUBLE_QUOTE = 0x22;
const DOLLAR = 0x24;
const BACKTICK = 0x60;
const BACKSLASH = 0x5c;
const MINUS = 0x2d;
const SLASH = 0x2f;
const STAR = 0x2a;
const HASH = 0x23;
const DOT = 0x2e;
const COLON = 0x3a;
const EQUALS = 0x3d;
const QUESTION = 0x3f;
const DELETE = 0x7f;

const SINGLE: ReadonlyMap<number, TokenType> = new Map<number, TokenType>([
  [0x28, Token.open],
  [0x29, Token.close],
  [0x2c, Token.comma],
  [0x3b, Token.semicolon],
  [0x40, Token.at],
]);

/** Numbers, and names that begin with a digit. */
const NUMBER = /(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d+)?/y;
const ONLY_NUMBER = /^(?:\d+(?:[eE]\d+)?|0x[\da-fA-F]+|0b[01]+)$/;

/** Hints are comments, but these change a setting or the thread for the statement (MySQL manual, 10.9.3). */
const HARMFUL_HINT = /set_var|resource_group/i;

/** A text with more tokens than this is broken. It is enough for the 65,535 parameters that a statement may have, with some room. */
const MAX_TOKENS = 150_000;

/**
 * Splits a text into tokens as the scanners of MySQL and MariaDB do. It only moves forward, so its time grows in proportion to the text. A
 * token is `broken` if the servers read it differently, or not at all: a comment that is code, an ODBC escape. Do not read on after it.
 *
 * Whether a backslash escapes a quote, and whether double quotes enclose a name, depends on `sql_mode` (NO_BACKSLASH_ESCAPES,
 * ANSI_QUOTES). The first makes a difference only if a backslash stands before a quote: see {@link isAmbiguous}. The second makes none for
 * where a token ends, so the reader takes such a token for either.
 */
export class Tokenizer {
  readonly text: string;
  type: TokenType = Token.end;
  /** The index of the token's first character, and of the one after its last. */
  start = 0;
  end = 0;
  /** Some text ended elsewhere with NO_BACKSLASH_ESCAPES. */
  isAmbiguous = false;
  #left = MAX_TOKENS;

  constructor(text: string) {
    this.text = text;
  }

  next(): TokenType {
    const before = this.type;
    if (this.#left === 0 || !this.#skipBlanks()) return this.#broken();
    this.#left -= 1;
    const { text, start } = this;
    if (start >= text.length) return this.#token(Token.end, start);
    const code = text.charCodeAt(start);
    switch (classOf(code)) {
      case Character.name:
        // MySQL 9 quotes the bodies of functions with dollars.
        return code === DOLLAR ? this.#broken() : this.#token(Token.word, this.#endOfName(start + 1));
      case Character.digit:
        return this.#number();
      case Character.operator:
        return this.#token(Token.operator, start + 1);
      case Character.other:
        return this.#punctuation(code, before);
      default:
        return this.#broken();
    }
  }

  /** Creates a tokenizer at the same place, to look ahead. */
  fork(): Tokenizer {
    const fork = new Tokenizer(this.text);
    fork.type = this.type;
    fork.start = this.start;
    fork.end = this.end;
    fork.#left = this.#left;
    return fork;
  }

  #token(type: TokenType, end: number): TokenType {
    this.end = end;
    this.type = type;
    return type;
  }

  #broken(): TokenType {
    return this.#token(Token.broken, this.text.length);
  }

  /** Moves `start` to the next token. Returns false in a comment that has no end or is code. */
  #skipBlanks(): boolean {
    const { text } = this;
    let at = this.end;
    for (;;) {
      const code = text.charCodeAt(at);
      if (classOf(code) === Character.space) at += 1;
      else if (code === HASH || (code === MINUS && this.#beginsComment(at))) at = this.#endOfLine(at);
      else if (code === SLASH && text.charCodeAt(at + 1) === STAR) {
        at = this.#endOfComment(at);
        if (at < 0) return false;
      } else break;
    }
    this.start = at;
    return true;
  }

  /** `--` begins a comment only before a blank, a control character or the end. */
  #beginsComment(at: number): boolean {
    if (this.text.charCodeAt(at + 1) !== MINUS) return false;
    const code = this.text.charCodeAt(at + 2);
    return Number.isNaN(code) || code <= 0x20 || code === DELETE;
  }

  #endOfLine(from: number): number {
    const end = this.text.indexOf('\n', from);
    return end < 0 ? this.text.length : end;
  }

  /** Comments do not nest. The servers run what is in `/*!` and `/*M!`, depending on their versions. */
  #endOfComment(from: number): number {
    const { text } = this;
    const end = text.indexOf('*/', from + 2);
    if (end < 0) return -1;
    const first = text[from + 2];
    if (first === '!' || text.startsWith('M!', from + 2)) return -1;
    if (first === '+' && HARMFUL_HINT.test(text.slice(from, end))) return -1;
    return end + 2;
  }

  #endOfName(from: number): number {
    const { text } = this;
    let at = from;
    for (let found; (found = classOf(text.charCodeAt(at))) === Character.name || found === Character.digit;)
      at += 1;
    return at;
  }

  #number(): TokenType {
    const { text, start } = this;
    const end = this.#endOfName(start);
    NUMBER.lastIndex = start;
    NUMBER.test(text);
    const numberEnd = NUMBER.lastIndex;
    if (numberEnd > end) return this.#endNumber(numberEnd);
    // Not longer than a number can sensibly be, so that this test is cheap.
    const isNumber = end - start > 80 ? numberEnd === end : ONLY_NUMBER.test(text.slice(start, end));
    return this.#token(isNumber ? Token.number : Token.word, end);
  }

  #endNumber(end: number): TokenType {
    return this.#endOfName(end) > end ? this.#broken() : this.#token(Token.number, end);
  }

  #punctuation(code: number, before: TokenType): TokenType {
    const { text, start } = this;
    const single = SINGLE.get(code);
    if (single !== undefined) return this.#token(single, start + 1);
    const following = text.charCodeAt(start + 1);
    switch (code) {
      case QUOTE:
      case DOUBLE_QUOTE:
        return this.#text(code);
      case BACKTICK:
        return this.#name();
      case DOT:
        return this.#dot(following, before);
      case QUESTION:
        // `??` stands for a name that the driver puts in.
        return following === QUESTION ? this.#broken() : this.#token(Token.parameter, start + 1);
      case COLON:
        if (following === EQUALS) return this.#token(Token.assign, start + 2);
        return classOf(following) === Character.name
          ? this.#token(Token.parameter, this.#endOfName(start + 1))
          : this.#broken();
      default:
        return this.#broken();
    }
  }

  /** Behind a name, a dot always leads to another name, even if that begins with a digit. */
  #dot(following: number, before: TokenType): TokenType {
    const { start } = this;
    const isAfterName = before === Token.word || before === Token.quoted;
    if (isAfterName || classOf(following) !== Character.digit) return this.#token(Token.dot, start + 1);
    NUMBER.lastIndex = start;
    NUMBER.test(this.text);
    return this.#endNumber(NUMBER.lastIndex);
  }

  #text(quote: number): TokenType {
    const { text, start } = this;
    for (let at = start + 1; at < text.length; at += 1) {
      const code = text.charCodeAt(at);
      if (code === BACKSLASH) {
        at += 1;
        this.isAmbiguous ||= text.charCodeAt(at) === quote;
      } else if (code === quote) {
        if (text.charCodeAt(at + 1) !== quote)
          return this.#token(quote === QUOTE ? Token.string : Token.quoted, at + 1);
        at += 1;
      }
    }
    return this.#broken();
  }

  #name(): TokenType {
    const { text } = this;
    for (let at = this.start + 1; ; at += 2) {
      at = text.indexOf('`', at);
      if (at < 0) return this.#broken();
      if (text[at + 1] !== '`') return this.#token(Token.quoted, at + 1);
    }
  }
}
