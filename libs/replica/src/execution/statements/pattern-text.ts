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
const MAX_PATTERN_CHARACTERS = 4_096;

/** Behind these signs in a SET statement stands a value, even if it looks like a name. */
const BEFORE_VALUE: ReadonlySet<string> = new Set(['=', ':=', 'TO']);
/** Behind these words stands a list of values. */
const BEFORE_LIST: ReadonlySet<string> = new Set(['IN', 'ARRAY']);

/**
 * The text with `?` in place of each literal and parameter, without comments, and with single blanks. A list of values after IN, ARRAY or
 * VALUES counts each distinct item once, so that its length makes no difference.
 *
 * Contains no literal, whatever the text: if one token cannot be read, it and all that follows is left out.
 *
 * @param next moves `tokens` to the next token and tells what that is
 */
export function patternText(tokens: PatternTokens, next: () => PatternToken): string {
  const writer = new PatternWriter();
  let end = 0;
  for (let token = next(); token !== 'end'; token = next()) {
    if (token === 'broken') {
      writer.add('other', REST, true);
      break;
    }
    const text = tokens.text.slice(tokens.start, tokens.end);
    writer.add(token, text, tokens.start > end);
    end = tokens.end;
  }
  return writer.finish();
}

/** Items between commas. `rows`: those after VALUES, which stand in no brackets of their own. */
interface List {
  readonly kind: 'brackets' | 'values' | 'rows';
  /** The piece with which the current item begins. */
  itemAt: number;
  /** The text of the item before it. */
  before: string | undefined;
}

/** Builds a pattern from tokens. */
class PatternWriter {
  readonly #pieces: string[] = [];
  readonly #lists: List[] = [];
  #last: PatternToken | 'sign' = 'end';
  #lastWord = '';
  #isSet = false;
  /** What follows is a value of a SET statement. */
  #isValue = false;

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
    if (this.#last === 'end' && word === 'SET') this.#isSet = true;
    if (this.#isSet && BEFORE_VALUE.has(word)) {
      this.#write(HOLE, true);
      this.#isValue = true;
    }
    // A sign belongs to the number behind it if nothing stands before it from which that could be subtracted.
    const isSign = (word === '-' || word === '+') && !['literal', 'word', 'close'].includes(this.#last);
    this.#last = word === ';' ? 'end' : isSign ? 'sign' : token;
    this.#lastWord = word;
    if (word === 'VALUES') this.#beginList('rows');
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
    this.#lists.push({ kind, itemAt: this.#pieces.length, before: undefined });
  }

  #endList(): void {
    this.#endItem();
    this.#lists.pop();
  }

  #beginItem(): void {
    const list = this.#lists.at(-1);
    if (list !== undefined) list.itemAt = this.#pieces.length;
  }

  /** Leaves out an item that is equal to the one before it. */
  #endItem(): void {
    const list = this.#lists.at(-1);
    if (list === undefined || list.kind === 'brackets') return;
    const item = this.#pieces.slice(list.itemAt).join('').trim();
    // The comma before it is the piece before it.
    if (item === list.before) this.#pieces.length = list.itemAt - 1;
    else list.before = item;
  }
}
