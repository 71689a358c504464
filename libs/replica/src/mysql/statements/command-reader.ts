import { Effect } from '../../execution/statements/effects.js';
import type { Finding } from '../../execution/statements/finding.js';
import type { Catalog } from './catalog.js';
import { commandOf } from './commands.js';
import { foldWord } from './keywords.js';
import { LastName } from './last-name.js';
import { NameEffects } from './name-effects.js';
import { writtenTables } from './written-tables.js';
import { Token, type TokenType, type Tokenizer } from './tokenizer.js';

/** This many leading words are enough to identify any command. */
const HEAD_WORDS = 16;

/** Commands whose text may contain statements of its own. */
const BODIES: ReadonlySet<string> = new Set(['procedure', 'function', 'trigger', 'event', 'package']);

/** Commands that may do more than their functions anyway. A name before a parenthesis is often that of a table or procedure there. */
const MAY_DO_MORE: ReadonlySet<string> = new Set(
  'insert replace update delete truncate load create alter drop grant revoke call execute lock analyze optimize'.split(
    ' ',
  ),
);

/**
 * Reads one statement that does not begin like a query, up to its end. Finds out which command it is, and what its functions and variables
 * do besides (`INSERT ... SELECT GET_LOCK(...)`, `SET @a = f()`).
 */
export class CommandReader {
  readonly #tokens: Tokenizer;
  readonly #catalog: Catalog;
  readonly #finding: Finding;
  readonly #names: NameEffects;
  readonly #last: LastName;
  readonly #words: string[] = [];
  #before: TokenType = Token.end;
  #isInto = false;
  /** It calls a function that may write to any table. */
  #callsWriter = false;

  constructor(tokens: Tokenizer, catalog: Catalog, finding: Finding) {
    this.#tokens = tokens;
    this.#catalog = catalog;
    this.#finding = finding;
    this.#names = new NameEffects(catalog, finding);
    this.#last = new LastName(tokens);
  }

  /** Reads from the current token to the semicolon or the end of the text. */
  read(): void {
    const changes = writtenTables(this.#tokens, this.#catalog);
    let { type } = this.#tokens;
    while (type !== Token.end && type !== Token.broken && type !== Token.semicolon) {
      this.#token(type);
      this.#before = type;
      type = this.#tokens.next();
    }
    this.#finish();
    if (!this.#callsWriter) this.#finding.changes = changes;
    if (type === Token.semicolon && this.#hasBody()) this.#skipBody();
    else if (type === Token.broken) this.#finding.noteUnparsable('not understood');
  }

  #token(type: TokenType): void {
    const isName = type === Token.word || type === Token.quoted;
    const { text, start, end } = this.#tokens;
    const word = type === Token.word ? foldWord(text.slice(start, end)) : '';
    if (this.#words.length < HEAD_WORDS) this.#words.push(word);
    if (type === Token.assign || (type === Token.at && this.#isInto))
      this.#finding.noteEffects(Effect.changesConnection, 'assigns to a variable');
    this.#isInto = word === 'into';
    if (isName) this.#last.set(this.#before === Token.dot);
    else if (type === Token.open && (this.#before === Token.word || this.#before === Token.quoted))
      this.#call();
  }

  /** Of the functions that such a command calls, only what they leave on the connection matters. */
  #call(): void {
    const effects = this.#catalog.functions.get(this.#last.name().toLowerCase()) ?? Effect.none;
    if (effects & Effect.writes) this.#callsWriter = true;
    if (!MAY_DO_MORE.has(this.#words[0] ?? '')) return this.#names.call(this.#last);
    const { kind, because, needsCatalog } = this.#finding;
    this.#names.call(this.#last);
    Object.assign(this.#finding, { kind, because, needsCatalog });
  }

  #finish(): void {
    const finding = this.#finding;
    const command = commandOf(this.#words);
    if (command === undefined) return finding.noteUnparsable('no command that is known');
    finding.note(command.kind, command.because);
    finding.mayWrite ||= command.mayWrite === true;
    finding.keepsConnection ||= command.keepsConnection === true;
    finding.changesCatalog ||= command.changesCatalog === true;
    finding.transaction = command.transaction;
    finding.readOnly = command.readOnly === true;
  }

  #hasBody(): boolean {
    const [first] = this.#words;
    return (first === 'create' || first === 'alter') && this.#words.some((word) => BODIES.has(word));
  }

  /** Where the body ends cannot be told: what follows may be further statements. */
  #skipBody(): void {
    this.#finding.keepsConnection = true;
    let { type } = this.#tokens;
    while (type !== Token.end && type !== Token.broken) type = this.#tokens.next();
    if (type === Token.broken) this.#finding.noteUnparsable('not understood');
  }
}
