import { Effect } from '../../execution/statements/effects.js';
import type { Catalog } from './catalog.js';
import { commandOf } from './commands.js';
import type { Finding } from '../../execution/statements/finding.js';
import { foldWord } from './keywords.js';
import { nameOfQuoted, nameOfWord } from './names.js';
import { writtenTables } from './written-tables.js';
import { Token, type TokenType, type Tokenizer } from './tokenizer.js';

/** This many leading words are enough to identify any command. */
const HEAD_WORDS = 16;

/** Words in the body of a DO block that may leave state on the connection. */
const SESSION_WORDS =
  /\b(?:set|set_config|temp|temporary|prepare|listen|load|hold|setseed|pg_(?:try_)?advisory_lock\w*)\b/i;

/**
 * Reads one statement that does not begin like a query, up to its end. Finds out which command it is and whether one of its functions
 * leaves state on the connection (`INSERT ... SELECT set_config(...)`).
 */
export class CommandReader {
  readonly #tokens: Tokenizer;
  readonly #catalog: Catalog;
  readonly #finding: Finding;
  readonly #words: string[] = [];
  #depth = 0;
  /** The nesting depth in the body of a SQL-standard function (manual, CREATE FUNCTION), where a semicolon does not end the statement. */
  #blocks = 0;
  #last = '';
  #name: string | undefined;
  /** It calls a function that may write to any table. */
  #callsWriter = false;

  constructor(tokens: Tokenizer, catalog: Catalog, finding: Finding) {
    this.#tokens = tokens;
    this.#catalog = catalog;
    this.#finding = finding;
  }

  /** Reads from the current token to the semicolon or the end of the text. */
  read(): void {
    const { start } = this.#tokens;
    const changes = writtenTables(this.#tokens, this.#catalog);
    let type = this.#tokens.type;
    while (type !== Token.end && type !== Token.broken && !this.#ends(type)) {
      this.#token(type);
      type = this.#tokens.next();
    }
    this.#finish(start);
    if (!this.#callsWriter) this.#finding.changes = changes;
    if (type === Token.broken) this.#finding.noteUnparsable('not understood');
  }

  #ends(type: TokenType): boolean {
    return type === Token.semicolon && this.#depth <= 0 && this.#blocks === 0;
  }

  #token(type: TokenType): void {
    const isName = type === Token.word || type === Token.quoted;
    if (isName) this.#nameToken(type);
    else if (type === Token.open) {
      this.#depth += 1;
      if (this.#name !== undefined) this.#call(this.#name);
    } else if (type === Token.close) this.#depth -= 1;
    if (!isName) {
      this.#name = undefined;
      this.#last = '';
      if (this.#words.length < HEAD_WORDS) this.#words.push('');
    }
  }

  #nameToken(type: TokenType): void {
    const token = this.#tokens.text.slice(this.#tokens.start, this.#tokens.end);
    this.#name = type === Token.quoted ? nameOfQuoted(token) : nameOfWord(token);
    if (this.#name?.startsWith('pg_temp') === true) this.#finding.keepsConnection = true;
    const word = type === Token.quoted ? '' : foldWord(token);
    if (this.#words.length < HEAD_WORDS) this.#words.push(word);
    if (this.#words[0] === 'create') this.#block(word);
    this.#last = word;
  }

  #block(word: string): void {
    if (word === 'atomic' && this.#last === 'begin') this.#blocks += 1;
    else if (this.#blocks > 0 && word === 'case') this.#blocks += 1;
    else if (this.#blocks > 0 && word === 'end') this.#blocks -= 1;
  }

  #call(name: string): void {
    const effects = this.#catalog.functions.get(name) ?? Effect.none;
    if (effects & Effect.changesConnection) this.#finding.keepsConnection = true;
    if (effects & Effect.writes) this.#callsWriter = true;
  }

  #finish(start: number): void {
    const finding = this.#finding;
    const command = commandOf(this.#words);
    if (command === undefined) {
      finding.noteUnparsable('no command that is known');
      return;
    }
    finding.note(command.kind, command.because);
    finding.mayWrite ||= command.mayWrite === true;
    finding.keepsConnection ||= command.keepsConnection === true;
    finding.changesCatalog ||= command.changesCatalog === true;
    finding.transaction = command.transaction;
    finding.readOnly = command.readOnly === true;
    if (this.#words[0] === 'do' && SESSION_WORDS.test(this.#tokens.text.slice(start, this.#tokens.start))) {
      finding.keepsConnection = true;
    }
  }
}
