/** What a token is to a pattern. `broken`: nobody can tell where the text's literals end from here on. */
export type PatternToken = 'end' | 'broken' | 'literal' | 'word' | 'open' | 'close' | 'comma' | 'other';

/** A text, token by token, without its comments. */
export interface PatternTokens {
  readonly text: string;
  /** The place of the current token in the text: its first character, and the one after its last. */
  readonly start: number;
  readonly end: number;
}

/** Stands for each literal and parameter. */
const HOLE = '?';
/** Stands for the rest of a text that cannot be read, or is too long to be kept. */
const REST = '…';
const QUOTES: readonly string[] = ["'", '"'];
const MAX_PATTERN_CHARACTERS = 4_096;

/** Behind these signs, where a setting gets its value, stands that value, even if it looks like a name. */
const BEFORE_VALUE: ReadonlySet<string> = new Set(['=', ':=', 'TO']);
/** Statements with these first words may have settings somewhere: ALTER ROLE bob SET ... */
const WITH_SETTINGS: ReadonlySet<string> = new Set(['ALTER', 'CREATE']);
/** Behind these words stands a list of values. */
const BEFORE_LIST: ReadonlySet<string> = new Set(['IN', 'ARRAY']);
/** Behind these words begins an expression, so that a sign belongs to the number behind it. */
const BEFORE_EXPRESSION: ReadonlySet<string> = new Set(
  (
    'ALL AND ANY BETWEEN BY CASE DEFAULT DISTINCT DIV ELSE EXCEPT FETCH FIRST HAVING IN INTERVAL INTERSECT IS LIKE LIMIT MOD NEXT NOT ' +
    'OFFSET ON OR REGEXP RETURN RETURNING RLIKE SELECT SET SOME THEN TO UNION USING VALUE VALUES WHEN WHERE XOR ZONE'
  ).split(' '),
);
/** A list of values this deep in others is not folded. That bounds how often its text is put together. */
const MAX_FOLDED_DEPTH = 16;

/**
 * The text with `?` in place of each literal and parameter, without comments, and with single blanks. A list of values after IN, ARRAY or
 * VALUES counts each distinct item once, so that its length makes no difference.
 *
 * Contains no literal, whatever the text. If somebody forgot to escape a quote, nobody can tell where literals begin and end, so the
 * pattern ends before the first literal in quotes. Such a text has a token that cannot be read, a quote too many, or a word right behind a
 * literal.
 *
 * @param next moves `tokens` to the next token and tells what that is
 */
export function patternText(tokens: PatternTokens, next: () => PatternToken): string {
  const writer = new PatternWriter();
  const { text } = tokens;
  let end = 0;
  let hasQuotes = false;
  let wasQuoted = false;
  for (;;) {
    const token = next();
    const { start } = tokens;
    const isApart = start > end;
    const isQuoted = token === 'literal' && QUOTES.includes(text[tokens.end - 1] ?? '');
    const isOutside = token === 'word' || (token === 'literal' && !isQuoted);
    // 'O'Brien', 'Rock'92'
    const isSplit = wasQuoted && isOutside && !isApart;
    const isTorn = hasQuotes && hasQuoteTooMany(text.slice(end, isOutside ? tokens.end : start));
    if (token === 'broken' || isSplit || isTorn) {
      writer.backToQuotes();
      writer.add('other', REST, true);
    }
    if (token === 'end' || token === 'broken' || isSplit || isTorn) return writer.finish();
    if (isQuoted) writer.noteQuotes();
    writer.add(token, text.slice(start, tokens.end), isApart);
    end = tokens.end;
    hasQuotes ||= isQuoted;
    wasQuoted = isQuoted;
  }
}

/** Whether comments or a name have an odd number of quotes. */
function hasQuoteTooMany(text: string): boolean {
  return QUOTES.some((quote) => text.includes(quote) && text.split(quote).length % 2 === 0);
}

/** Items between commas. `rows`: those after VALUES, which stand in no brackets of their own. */
interface List {
  readonly kind: 'brackets' | 'values' | 'rows';
  /** The piece with which the current item begins. */
  itemAt: number;
  /** The texts of the items before it; `undefined`: they are not compared. */
  readonly seen: Set<string> | undefined;
}

/** Builds a pattern from tokens. */
class PatternWriter {
  readonly #pieces: string[] = [];
  readonly #lists: List[] = [];
  #last: PatternToken | 'sign' = 'end';
  #lastWord = '';
  #firstWord = '';
  /** A setting may get its value next. */
  #isSet = false;
  /** What follows, up to the end of the statement, is the value of a setting. */
  #isValue = false;
  /** The piece of the first literal in quotes. */
  #quotesAt = Infinity;

  /** A literal in quotes comes next. */
  noteQuotes(): void {
    this.#quotesAt = Math.min(this.#quotesAt, this.#pieces.length);
  }

  /** Takes back the first literal in quotes, and all that follows. */
  backToQuotes(): void {
    this.#pieces.length = Math.min(this.#pieces.length, this.#quotesAt);
    this.#lists.length = 0;
  }

  add(token: PatternToken, text: string, isApart: boolean): void {
    const word = token === 'word' || token === 'other' ? text.toUpperCase() : '';
    if (this.#lists.at(-1)?.kind === 'rows' && token !== 'open' && token !== 'comma') this.#endList();
    if (word === ';') this.#isSet = this.#isValue = false;
    if (this.#isValue) return;
    if (token === 'comma') this.#endItem();
    if (token === 'close') this.#endList();
    if (token === 'literal') this.#addLiteral(isApart);
    else this.#write(text, this.#needsBlank(token, isApart));
    if (token === 'comma') this.#beginItem();
    if (token === 'open') this.#open();
    this.#note(token, word);
  }

  finish(): string {
    if (this.#lists.at(-1)?.kind === 'rows') this.#endList();
    const text = this.#pieces.join('').trim();
    return text.length > MAX_PATTERN_CHARACTERS ? text.slice(0, MAX_PATTERN_CHARACTERS) + REST : text;
  }

  #note(token: PatternToken, word: string): void {
    if (this.#last === 'end') this.#firstWord = word;
    this.#noteSetting(token, word);
    const isSign = (word === '-' || word === '+') && !this.#mayBeSubtractedFrom;
    this.#last = word === ';' ? 'end' : isSign ? 'sign' : token;
    this.#lastWord = word;
    if (word === 'VALUES') this.#beginList('rows');
  }

  /** SET a = b, c = d; ALTER ROLE bob SET a.b TO c */
  #noteSetting(token: PatternToken, word: string): void {
    const isSetStatement = this.#firstWord === 'SET';
    if (word === 'SET') this.#isSet ||= isSetStatement || WITH_SETTINGS.has(this.#firstWord);
    else if (this.#isSet && BEFORE_VALUE.has(word)) {
      this.#write(HOLE, true);
      this.#isValue = true;
    } else if (!isSetStatement && token !== 'word' && word !== '.' && word !== '@') this.#isSet = false;
  }

  /** Otherwise a sign belongs to the number behind it. */
  get #mayBeSubtractedFrom(): boolean {
    if (this.#last === 'word') return !BEFORE_EXPRESSION.has(this.#lastWord);
    return this.#last === 'literal' || this.#last === 'close';
  }

  #addLiteral(isApart: boolean): void {
    if (this.#last === 'sign' && !isApart) {
      const sign = this.#pieces.pop() ?? '';
      this.#write(HOLE, sign.startsWith(' '));
    } else this.#write(HOLE, this.#needsBlank('literal', isApart));
  }

  #needsBlank(token: PatternToken, isApart: boolean): boolean {
    if (token === 'comma' || token === 'close' || this.#last === 'open') return false;
    return this.#last === 'comma' || isApart;
  }

  #write(text: string, withBlank: boolean): void {
    this.#pieces.push(withBlank ? ` ${text}` : text);
  }

  #open(): void {
    this.#beginList(BEFORE_LIST.has(this.#lastWord) || this.#isInArray ? 'values' : 'brackets');
  }

  /** ARRAY[[1, 2], [3, 4]] */
  get #isInArray(): boolean {
    return this.#pieces.at(-1)?.trim() === '[' && this.#lists.at(-1)?.kind === 'values';
  }

  #beginList(kind: List['kind']): void {
    const isFolded = kind !== 'brackets' && this.#lists.length < MAX_FOLDED_DEPTH;
    this.#lists.push({ kind, itemAt: this.#pieces.length, seen: isFolded ? new Set() : undefined });
  }

  #endList(): void {
    this.#endItem();
    this.#lists.pop();
  }

  #beginItem(): void {
    const list = this.#lists.at(-1);
    if (list !== undefined) list.itemAt = this.#pieces.length;
  }

  /** Leaves out an item that is equal to one before it. */
  #endItem(): void {
    const list = this.#lists.at(-1);
    if (list?.seen === undefined) return;
    const item = this.#pieces.slice(list.itemAt).join('').trim();
    // The comma before it is the piece before it.
    if (!list.seen.has(item)) list.seen.add(item);
    else {
      this.#pieces.length = list.itemAt - 1;
      this.#quotesAt = Math.min(this.#quotesAt, this.#pieces.length);
    }
  }
}
