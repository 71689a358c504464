import { FromState, MAX_DEPTH } from '../../execution/statements/from-state.js';
import type { Catalog } from './catalog.js';
import { enterClause, type Closer, type Frame, isRecursiveKeyword, mayBeType, newFrame } from './frame.js';
import type { Finding } from '../../execution/statements/finding.js';
import {
  isConstruct,
  isLikeCall,
  isOfExpression,
  JOIN_FUNCTIONS,
  type Keyword,
  keywordOf,
  MARKS,
  Role,
} from './keywords.js';
import { LastName } from './names.js';
import { NameEffects } from './name-effects.js';
import { Token, type TokenType, type Tokenizer } from './tokenizer.js';
import { CteNames, WithState } from '../../execution/statements/cte-names.js';

/**
 * Reads one statement that begins like a query (SELECT, WITH, VALUES, TABLE, a parenthesis) up to its end, and notes whatever makes it
 * more than a read. It knows just enough grammar to tell a call from an alias list or a type, and a relation from a column. If it cannot
 * tell, it marks the statement as unparsable.
 */
export class QueryReader {
  readonly #tokens: Tokenizer;
  readonly #finding: Finding;
  readonly #names: NameEffects;
  readonly #outer: Frame[] = [];
  #frame: Frame = newFrame('expression');
  readonly #cteNames: CteNames;
  #before = '';
  /** The last word or quoted name, and what precedes it. */
  readonly #last: LastName;
  /** Whether that name is the token before the current one. */
  #isAfterName = false;
  /** Whether it is the alias of a relation or the name of a CTE, so that its columns may follow. */
  #isAlias = false;
  /** Whether the reader is inside FOR NO KEY UPDATE or the like. */
  #inLock = false;
  #sawInto = false;
  #isNotDistinct = false;

  constructor(tokens: Tokenizer, catalog: Catalog, finding: Finding) {
    this.#tokens = tokens;
    this.#finding = finding;
    this.#last = new LastName(tokens);
    this.#names = new NameEffects(catalog, finding);
    this.#cteNames = new CteNames(finding);
  }

  /** Reads from the current token to the semicolon or the end of the text. */
  read(): void {
    this.#names.useImplied();
    for (let type = this.#tokens.type; this.#step(type); type = this.#tokens.next());
  }

  /** Reads from the current token, an opening parenthesis, to the token after its closing one. */
  readGroup(): void {
    this.#names.useImplied();
    for (let type = this.#tokens.type; this.#step(type);) {
      type = this.#tokens.next();
      if (this.#outer.length === 0) return;
    }
    this.#finding.noteUnparsable('not understood');
  }

  /** Returns false at the end of the statement or at something that it cannot parse. */
  #step(type: TokenType): boolean {
    const isEnd = type === Token.end || type === Token.semicolon;
    if (isEnd && this.#outer.length === 0) this.#endRelation();
    else if (isEnd || !this.#token(type)) this.#finding.noteUnparsable('not understood');
    else return true;
    return false;
  }

  /** Returns false if the rest of the text cannot be parsed. */
  #token(type: TokenType): boolean {
    if (type === Token.word) return this.#word();
    if (type === Token.quoted) return this.#name(undefined);
    if (type === Token.broken) return false;
    const isUnderstood = type === Token.open ? this.#open() : this.#mark(type);
    this.#isAfterName = false;
    this.#isAlias = false;
    this.#inLock = false;
    return isUnderstood;
  }

  #mark(type: TokenType): boolean {
    if (type === Token.dot) return this.#seen('.');
    this.#endRelation();
    switch (type) {
      case Token.close:
        return this.#close(')');
      case Token.openBracket:
        return this.#push(newFrame(this.#frame.isNames ? 'names' : 'expression', ']'), '[');
      case Token.closeBracket:
        return this.#close(']');
      case Token.comma:
        return this.#comma();
      default:
        if (this.#frame.isNames && type !== Token.number) return false;
        // A type may precede a constant (manual, 4.1.2.7).
        if (type === Token.string && this.#isAfterName) this.#names.useType(this.#last.name() ?? '');
        if (type === Token.operator)
          this.#names.useOperator(this.#tokens.text.slice(this.#tokens.start, this.#tokens.end));
        return this.#seen(MARKS.get(type) ?? ':');
    }
  }

  #seen(mark: string): true {
    this.#before = mark;
    this.#frame.atStart = false;
    return true;
  }

  #comma(): true {
    const frame = this.#frame;
    if (frame.with === WithState.named) frame.with = WithState.name;
    else if (frame.from !== FromState.none) frame.from = FromState.item;
    return this.#seen(',');
  }

  #push(frame: Frame, mark: string): boolean {
    this.#seen(mark);
    this.#outer.push(this.#frame);
    this.#frame = frame;
    return this.#outer.length <= MAX_DEPTH;
  }

  #close(closer: Closer): boolean {
    const closed = this.#frame;
    const outer = this.#outer.pop();
    if (outer === undefined || closed.closer !== closer) return false;
    if (closed.isSetConfig) {
      const isLocal = this.#before === 'true' && (this.#last.before === ',' || this.#last.before === ':');
      this.#names.setConfig(isLocal);
    }
    this.#cteNames.close(closed, outer);
    this.#frame = outer;
    return this.#seen(closed.isCall ? 'call' : closer);
  }

  #word(): boolean {
    const word = this.#tokens.text.slice(this.#tokens.start, this.#tokens.end);
    const keyword = this.#before === '.' ? undefined : keywordOf(word);
    if (keyword === undefined || keyword.role === Role.none || this.#before === 'as')
      return this.#name(keyword);
    // In ROWS FROM (...), `rows` is not a relation.
    if (keyword.role === Role.from && this.#before === 'rows') this.#frame.from = FromState.item;
    else this.#endRelation();
    this.#remember();
    const { atStart } = this.#frame;
    if (this.#frame.isNames && keyword.role === Role.select) return false;
    this.#names.use(keyword.word, false);
    if (keyword.role === Role.change || keyword.role === Role.into) this.#change(keyword);
    else this.#clause(keyword);
    this.#isAlias = false;
    this.#inLock = keyword.role === Role.for;
    this.#before = keyword.word;
    this.#frame.atStart = keyword.role === Role.setOperation || (atStart && keyword.role === Role.quantifier);
    return true;
  }

  #clause(keyword: Keyword): void {
    const isComparison = keyword.role === Role.from && this.#isNotDistinct && this.#before === 'distinct';
    if (!isComparison && !isOfExpression(keyword, this.#before)) enterClause(this.#frame, keyword.role);
    if (keyword.role === Role.quantifier)
      this.#isNotDistinct = this.#before === 'is' || this.#before === 'not';
  }

  #change(keyword: Keyword): void {
    if (keyword.word === 'update' && this.#inLock) {
      this.#finding.note('locking-read', 'FOR UPDATE');
      return;
    }
    this.#finding.note('write', keyword.word.toUpperCase());
    this.#finding.mayWrite = true;
    if (keyword.role !== Role.into || this.#before === 'insert' || this.#before === 'merge') return;
    this.#sawInto = true;
    this.#finding.changesCatalog = true;
  }

  /** Reads a name, or a keyword that matters only for the tokens around it. */
  #name(keyword: Keyword | undefined): boolean {
    const isQualified = this.#before === '.';
    if (!isQualified) this.#endRelation();
    this.#remember();
    const name = this.#last.name();
    if (name === undefined) return false;
    this.#names.use(name, isQualified);
    if (mayBeType(this.#last.before, this.#frame)) this.#names.useType(name);
    this.#isAlias = false;
    const isLabel = this.#before === 'as';
    this.#neighbour(isLabel ? undefined : keyword);
    if (!this.#placeName(name, keyword)) return false;
    const word = keyword?.word ?? 'name';
    const isKept = !isLabel || this.#frame.isCast || word === 'materialized' || word === 'not';
    return this.#seen(isKept ? word : 'name');
  }

  #neighbour(keyword: Keyword | undefined): void {
    const word = keyword?.word;
    const isLockWord = word === 'no' || word === 'key';
    if (this.#inLock && (isLockWord || word === 'share')) this.#finding.note('locking-read', 'FOR SHARE');
    this.#inLock &&= isLockWord;
    if (this.#sawInto && (word === 'temp' || word === 'temporary')) this.#finding.keepsConnection = true;
    if (word === 'values' && this.#frame.atStart) this.#frame.from = FromState.none;
  }

  /** Finds out what the name means in FROM or WITH. */
  #placeName(name: string, keyword: Keyword | undefined): boolean {
    const frame = this.#frame;
    if (frame.with === WithState.name) {
      const isFirst = this.#before === 'with';
      if (isFirst && keyword?.word === 'recursive' && isRecursiveKeyword(this.#tokens))
        frame.isRecursive = true;
      else this.#isAlias = this.#cteNames.name(frame, name);
    }
    switch (frame.from) {
      case FromState.item:
        frame.from = FromState.name;
        return true;
      case FromState.name:
        return this.#last.isQualified;
      case FromState.after:
        if (keyword?.word === 'ordinality' && this.#before === 'with') return true;
        frame.from = FromState.aliased;
        this.#isAlias = true;
        return true;
      case FromState.aliased:
        return false;
      default:
        return true;
    }
  }

  #remember(): void {
    this.#last.set(this.#before);
    this.#isAfterName = true;
  }

  #endRelation(): void {
    if (this.#frame.from !== FromState.name) return;
    this.#frame.from = FromState.after;
    const table = this.#last.tableName();
    if (table !== undefined && !this.#cteNames.has(table)) this.#names.useRelation(table);
  }

  #open(): boolean {
    const frame = this.#frame;
    // In a column list, only a type may have a parenthesis, and its column's name precedes it.
    if (frame.isNames)
      return this.#isAfterName && /^[a-z]/.test(this.#last.before) && this.#push(newFrame('names'), '(');
    if (this.#beginsColumnList()) {
      if (this.#before === 'using') frame.from = FromState.after;
      return this.#push(newFrame('names'), '(');
    }
    const isItem = frame.from === FromState.item && !JOIN_FUNCTIONS.has(this.#before);
    if (frame.from === FromState.item || frame.from === FromState.name) frame.from = FromState.after;
    const child = newFrame(isItem ? 'relations' : 'expression');
    if (this.#isAfterName) this.#call(child);
    this.#cteNames.open(frame, child, this.#before);
    return this.#push(child, '(');
  }

  #beginsColumnList(): boolean {
    if (this.#isAlias) return true;
    const { from } = this.#frame;
    return (
      (from === FromState.after && this.#before === 'as') ||
      (from !== FromState.none && this.#before === 'using')
    );
  }

  /** Handles a name before a parenthesis: a construct of the grammar, a type with its modifiers, or a call. */
  #call(child: Frame): void {
    if (this.#last.before === '::' || this.#last.before === 'as') return;
    const name = this.#last.name() ?? '';
    const isPlain = !this.#last.isQuoted && !this.#last.isQualified;
    const keyword = isPlain ? keywordOf(name) : undefined;
    const { isGrouping, with: withState } = this.#frame;
    const place = {
      before: this.#last.before,
      inWithList: withState === WithState.named,
      inGroupBy: isGrouping,
    };
    const construct = keyword !== undefined && isConstruct(keyword, place) ? name : '';
    child.isCall = construct === '' || isLikeCall(construct);
    child.isGrouping = construct === 'sets';
    child.isSetConfig = name === 'set_config';
    child.isCast = construct === 'cast' || construct === 'treat';
    this.#names.call(name, construct !== '');
  }
}
