import { CteNames, WithState } from '../../execution/statements/cte-names.js';
import { Effect } from '../../execution/statements/effects.js';
import type { Finding } from '../../execution/statements/finding.js';
import { FromState, MAX_DEPTH } from '../../execution/statements/from-state.js';
import type { Catalog } from './catalog.js';
import { newFrame, type Frame } from './frame.js';
import { BEGINS_QUERY, foldWord, Role, roleOf } from './keywords.js';
import { LastName } from './last-name.js';
import { NameEffects } from './name-effects.js';
import { Token, type TokenType, type Tokenizer } from './tokenizer.js';
import { useVariable } from './variables.js';

/** What the next tokens have to be. `names`: words, up to a parenthesis with the names of indexes or partitions. */
type Expectation = 'query' | 'open' | 'names' | undefined;

/**
 * Reads one statement that begins like a query (SELECT, WITH, VALUES, TABLE, a parenthesis) up to its end, and notes whatever makes it
 * more than a read.
 *
 * All words that could make it so are reserved, or stand next to such a word. So outside of FROM and WITH, no grammar is needed: a
 * name before a parenthesis is a call, and any other name is harmless. In FROM and WITH, whatever is not understood is unparsable. It
 * does not matter what happens to texts that the servers reject.
 */
export class QueryReader {
  readonly #tokens: Tokenizer;
  readonly #finding: Finding;
  readonly #names: NameEffects;
  readonly #cteNames: CteNames;
  readonly #outer: Frame[] = [];
  readonly #last: LastName;
  #frame: Frame = newFrame(false, FromState.none);
  /** The word or mark before the current token; `name` for names in quotes, `1` for constants and operators. */
  #before = '';
  /** Whether a name that may be called is the token before the current one. */
  #isAfterName = false;
  /** Whether it is the alias of a relation or the name of a CTE, so that its columns may follow. */
  #isAlias = false;
  #expected: Expectation;
  /** How many lists WITH has begun. */
  #lists = 0;
  /** The names that WITH has defined, as they are written, by their lower case. Whether case matters depends on the server. */
  readonly #spellings = new Map<string, string>();

  constructor(tokens: Tokenizer, catalog: Catalog, finding: Finding) {
    this.#tokens = tokens;
    this.#finding = finding;
    this.#last = new LastName(tokens);
    this.#names = new NameEffects(catalog, finding);
    this.#cteNames = new CteNames(finding);
  }

  /** Reads from the current token to the semicolon or the end of the text. */
  read(): void {
    for (let type = this.#tokens.type; ; type = this.#tokens.next()) {
      if (type === Token.end || type === Token.semicolon) {
        if (!this.#end()) this.#finding.noteUnparsable('not understood');
        return;
      }
      if (!this.#token(type)) return this.#finding.noteUnparsable('not understood');
    }
  }

  #end(): boolean {
    return this.#outer.length === 0 && this.#endRelation() && this.#expected === undefined;
  }

  /** Returns false if the rest of the text cannot be parsed. */
  #token(type: TokenType): boolean {
    if (type === Token.word) return this.#word();
    if (type === Token.quoted) return this.#name('name');
    if (type === Token.dot) return this.#isAfterName && this.#seen('.');
    // In `a.*` no name follows.
    if (this.#before === '.' && type !== Token.operator) return false;
    if (!this.#endRelation()) return false;
    if (type === Token.open) return this.#open();
    if (this.#expected !== undefined || type === Token.broken) return false;
    const isUnderstood = this.#mark(type);
    this.#isAfterName = false;
    this.#isAlias = false;
    return isUnderstood;
  }

  #mark(type: TokenType): boolean {
    const frame = this.#frame;
    switch (type) {
      case Token.close:
        return this.#close();
      case Token.comma:
        if (frame.with === WithState.named) frame.with = WithState.name;
        else if (frame.from !== FromState.none) frame.from = FromState.item;
        return this.#seen(',');
      case Token.assign:
        this.#finding.noteEffects(Effect.changesConnection, 'assigns to a variable');
        return this.#seen(':=');
      default:
        // Between relations and in lists of names there are only names.
        if (frame.isNames || (frame.from !== FromState.none && frame.from !== FromState.condition))
          return false;
        if (type === Token.at && this.#before !== '@') useVariable(this.#tokens, this.#finding);
        return this.#seen(type === Token.at ? '@' : '1');
    }
  }

  #seen(mark: string): true {
    this.#before = mark;
    this.#frame.atStart = false;
    return true;
  }

  #push(frame: Frame): boolean {
    this.#seen('(');
    this.#expected = undefined;
    this.#isAfterName = false;
    this.#isAlias = false;
    this.#outer.push(this.#frame);
    this.#frame = frame;
    return this.#outer.length <= MAX_DEPTH;
  }

  #close(): boolean {
    const outer = this.#outer.pop();
    if (outer === undefined) return false;
    this.#cteNames.close(this.#frame, outer);
    this.#frame = outer;
    return this.#seen(')');
  }

  #open(): boolean {
    const frame = this.#frame;
    if (frame.isNames) return false;
    const areNames = this.#expected === 'names' || this.#isAlias || this.#isJoinUsing();
    if (areNames) {
      if (this.#before === 'using') frame.from = FromState.after;
      return this.#push(newFrame(true, FromState.none));
    }
    const isItem = frame.from === FromState.item && !this.#isAfterName;
    if (this.#isAfterName) this.#names.call(this.#last);
    if (frame.from === FromState.item) frame.from = FromState.after;
    else if (frame.from === FromState.after || frame.from === FromState.aliased) return false;
    const child = newFrame(false, isItem ? FromState.item : FromState.none);
    this.#cteNames.open(frame, child, this.#before);
    return this.#push(child);
  }

  #isJoinUsing(): boolean {
    return this.#before === 'using' && this.#frame.from !== FromState.none;
  }

  #word(): boolean {
    const text = this.#tokens.text.slice(this.#tokens.start, this.#tokens.end);
    const word = foldWord(text);
    if (this.#before === '.' || this.#before === '@') return this.#name(word);
    if (this.#expected === 'names') return this.#seen(word);
    const role = roleOf(word);
    if (this.#expected === 'query' ? !BEGINS_QUERY.has(role) : this.#expected === 'open') return false;
    if (role === undefined || (role === Role.window && !this.#definesWindow())) return this.#name(word);
    if (!this.#endRelation() || this.#frame.isNames) return false;
    this.#isAfterName = false;
    this.#isAlias = false;
    const { atStart } = this.#frame;
    if (!this.#clause(role, word)) return false;
    this.#before = word;
    this.#frame.atStart = this.#expected === 'query' || (atStart && role === Role.quantifier);
    return true;
  }

  /** Handles a keyword. Returns false if it cannot stand here. */
  #clause(role: number, word: string): boolean {
    if (role <= Role.table) return this.#beginsQuery(role);
    if (role <= Role.using) return this.#relations(role);
    if (role <= Role.for) {
      this.#endsRelations(role);
      return true;
    }
    return role <= Role.countsRows ? this.#change(role, word) : this.#other(role, word);
  }

  #beginsQuery(role: number): boolean {
    const frame = this.#frame;
    const isPlace = frame.atStart || this.#expected === 'query';
    this.#expected = undefined;
    if (role === Role.with) {
      // Elsewhere WITH ROLLUP ...
      if (!isPlace) return true;
      this.#lists += 1;
      frame.with = WithState.name;
      frame.isRecursive = false;
      frame.from = FromState.none;
      return true;
    }
    // Elsewhere VALUES is a function.
    if (!isPlace && frame.with !== WithState.named) return role === Role.values;
    frame.with = WithState.none;
    frame.isQuery = role === Role.select;
    frame.from = role === Role.table ? FromState.item : FromState.none;
    return true;
  }

  #relations(role: number): boolean {
    const frame = this.#frame;
    if (role === Role.from) {
      // Elsewhere it belongs to EXTRACT, SUBSTRING, TRIM ...
      if (!frame.isQuery || (this.#before === 'system_time' && frame.from === FromState.condition))
        return true;
      if (frame.from !== FromState.none) return false;
      frame.from = FromState.item;
    } else if (role === Role.join && frame.from !== FromState.none) frame.from = FromState.item;
    else if (role === Role.on && frame.from !== FromState.none) frame.from = FromState.condition;
    return true;
  }

  #endsRelations(role: number): void {
    const frame = this.#frame;
    if (role === Role.quantifier) return;
    if (role === Role.for) {
      if (this.#before === 'value') this.#finding.noteEffects(Effect.knownWrite, 'uses a sequence');
      return;
    }
    frame.from = FromState.none;
    if (role !== Role.setOperation) return;
    frame.isQuery = false;
    this.#expected = 'query';
  }

  #change(role: number, word: string): boolean {
    const finding = this.#finding;
    if (role === Role.countsRows) finding.noteEffects(Effect.usesConnection, 'SQL_CALC_FOUND_ROWS');
    else if (role === Role.lock) this.#lock('LOCK IN SHARE MODE');
    else if (word === 'update' && this.#before === 'for') this.#lock('FOR UPDATE');
    else if (role === Role.into) this.#into();
    else if (word !== 'set' || (this.#before !== 'character' && this.#before !== 'char')) {
      finding.note('write', word.toUpperCase());
      finding.mayWrite = true;
      this.#frame.from = FromState.none;
    }
    return true;
  }

  #lock(because: string): void {
    this.#finding.note('locking-read', because);
    this.#frame.from = FromState.none;
  }

  /** INTO @variable, or into a file of the server. */
  #into(): void {
    this.#frame.from = FromState.none;
    const ahead = this.#tokens.fork();
    if (ahead.next() === Token.at) {
      this.#finding.noteEffects(Effect.changesConnection, 'INTO a variable');
      return;
    }
    this.#finding.note('write', 'INTO');
    this.#finding.mayWrite = true;
  }

  #other(role: number, word: string): boolean {
    const frame = this.#frame;
    switch (role) {
      case Role.hint:
        if (frame.from === FromState.after || frame.from === FromState.aliased) this.#expected = 'names';
        return true;
      case Role.procedure:
        return false;
      case Role.recursive:
        if (this.#before !== 'with') return false;
        frame.isRecursive = true;
        return true;
      case Role.lateral:
        if (frame.from !== FromState.item) return this.#name(word);
        this.#expected = 'open';
        return true;
      default:
        return true;
    }
  }

  /** Whether WINDOW, which MariaDB also takes for a name, begins `WINDOW name AS (...)`. */
  #definesWindow(): boolean {
    const ahead = this.#tokens.fork();
    const type = ahead.next();
    if ((type !== Token.word && type !== Token.quoted) || ahead.next() !== Token.word) return false;
    return foldWord(ahead.text.slice(ahead.start, ahead.end)) === 'as' && ahead.next() === Token.open;
  }

  /** Reads a name, or a word that matters only for the tokens around it. */
  #name(word: string): boolean {
    const { type } = this.#tokens;
    const isQualified = this.#before === '.';
    if ((!isQualified && !this.#endRelation()) || this.#isMisplaced()) return false;
    this.#expected = undefined;
    this.#last.set(isQualified);
    this.#isAlias = false;
    this.#isAfterName = true;
    if (isQualified) this.#names.useMember(this.#last.name());
    if (this.#before === 'for' && word === 'share') this.#lock('FOR SHARE');
    const isKnown = this.#before !== '@' && this.#placeName(type === Token.quoted ? '' : word);
    return this.#before === '@' ? this.#seen('name') : isKnown && this.#seen(word === '' ? 'name' : word);
  }

  #isMisplaced(): boolean {
    return this.#expected === 'query' || this.#expected === 'open' || this.#expected === 'names';
  }

  /** Finds out what the name means in FROM or WITH. */
  #placeName(word: string): boolean {
    const frame = this.#frame;
    if (frame.with === WithState.name) {
      const { name } = this.#names.tableName({ name: this.#last.name() });
      this.#spellings.set(name.toLowerCase(), name);
      this.#isAlias = this.#cteNames.name(frame, name);
    }
    switch (frame.from) {
      case FromState.item:
        if (word === 'json_table') this.#expected = 'open';
        else frame.from = word === 'dual' ? FromState.after : FromState.name;
        return true;
      case FromState.name:
        return this.#last.depth > 0;
      case FromState.after:
        if (this.#before === 'for') {
          frame.from = FromState.condition;
          return word === 'system_time';
        }
        frame.from = FromState.aliased;
        this.#isAlias = true;
        return true;
      case FromState.aliased:
        return false;
      default:
        return true;
    }
  }

  /** Notes the relation if its name has just ended. Returns false if nobody can tell what it means. */
  #endRelation(): boolean {
    if (this.#frame.from !== FromState.name) return true;
    this.#frame.from = FromState.after;
    this.#isAfterName = false;
    if (this.#last.depth > 1) return false;
    const table = this.#names.tableName(this.#last.qualifiedName());
    if (this.#cteNames.has(table)) {
      // In nested lists, MariaDB may take the name of an outer list for that of a table.
      if (this.#lists > 1) this.#names.mayUseRelation(table);
      return true;
    }
    const spelling = table.schema === undefined ? this.#spellings.get(table.name.toLowerCase()) : undefined;
    if (spelling !== undefined && spelling !== table.name) return false;
    this.#names.useRelation(table);
    return true;
  }
}
