import { readStatements } from '../../execution/statements/read-statements.js';
import type { Catalog } from './catalog.js';
import { CommandReader } from './command-reader.js';
import { Finding } from '../../execution/statements/finding.js';
import { foldWord } from './keywords.js';
import { NameEffects } from './name-effects.js';
import { LastName } from './names.js';
import { QueryReader } from './query-reader.js';
import { Token, Tokenizer, type TokenType } from './tokenizer.js';

const QUERY_WORDS: ReadonlySet<string> = new Set(['select', 'with', 'values', 'table']);

/**
 * Finds out what a SQL text may do. The time grows in proportion to the text, up to some 20 ms. A text with too many characters, tokens
 * or statements counts as unparsable. Never throws.
 */
export function readText(text: string, catalog: Catalog): Finding {
  const tokens = new Tokenizer(text, catalog.plainBackslashes);
  return readStatements(tokens, Token, (finding) => readStatement(tokens, catalog, finding));
}

function readStatement(tokens: Tokenizer, catalog: Catalog, finding: Finding): void {
  switch (firstWord(tokens)) {
    case 'query':
      return new QueryReader(tokens, catalog, finding).read();
    case 'explain':
      return readExplain(tokens, catalog, finding);
    case 'show':
      return readShow(tokens, finding);
    case 'declare':
      return readDeclare(tokens, catalog, finding);
    case 'copy':
      if (readCopyOut(tokens, catalog, finding)) return;
      break;
    default:
  }
  new CommandReader(tokens, catalog, finding).read();
}

function firstWord(tokens: Tokenizer): string {
  if (tokens.type === Token.open) return 'query';
  const word = wordOf(tokens);
  return QUERY_WORDS.has(word) ? 'query' : word;
}

/** The current token as a folded word; empty if it is quoted or not a word. */
function wordOf(tokens: Tokenizer): string {
  return tokens.type === Token.word ? foldWord(tokens.text.slice(tokens.start, tokens.end)) : '';
}

function endsStatement(tokens: Tokenizer): boolean {
  return tokens.type === Token.end || tokens.type === Token.broken || tokens.type === Token.semicolon;
}

/** Reads SHOW name, SHOW a.b, SHOW TIME ZONE, SHOW ALL. */
function readShow(tokens: Tokenizer, finding: Finding): void {
  while (!endsStatement(tokens)) {
    const isNamePart =
      tokens.type === Token.word || tokens.type === Token.quoted || tokens.type === Token.dot;
    if (!isNamePart) return finding.noteUnparsable('not understood');
    tokens.next();
  }
  if (tokens.type === Token.broken) finding.noteUnparsable('not understood');
}

/** A cursor's query runs at FETCH, but its possible effects already count at DECLARE. */
function readDeclare(tokens: Tokenizer, catalog: Catalog, finding: Finding): void {
  finding.note('session-change', 'DECLARE');
  let before = '';
  while (!endsStatement(tokens)) {
    const word = wordOf(tokens);
    if (word === 'hold' && before === 'with') finding.keepsConnection = true;
    tokens.next();
    if (word === 'for') {
      const query = new Finding();
      new QueryReader(tokens, catalog, query).read();
      return finding.noteFlags(query);
    }
    before = word;
  }
  finding.noteUnparsable('not understood');
}

/**
 * Without ANALYZE, the server plans the statement but does not run it. The planner may call immutable and stable functions, but never
 * volatile ones (manual, 36.7 and EXPLAIN). A replica may plan only reads.
 */
function readExplain(tokens: Tokenizer, catalog: Catalog, finding: Finding): void {
  tokens.next();
  let isRun = false;
  for (
    let word = wordOf(tokens);
    word === 'analyze' || word === 'analyse' || word === 'verbose';
    word = wordOf(tokens)
  ) {
    isRun ||= word !== 'verbose';
    tokens.next();
  }
  if (tokens.type === Token.open && !beginsQuery(tokens)) isRun = readOptions(tokens);
  const word = firstWord(tokens);
  if (endsStatement(tokens) || word === 'explain' || word === 'show')
    return finding.noteUnparsable('not understood');
  const inner = new Finding();
  readStatement(tokens, catalog, inner);
  finding.needsCatalog = inner.needsCatalog;
  finding.noteTablesOf(inner);
  if (inner.isUnparsable || isRun) {
    finding.note(inner.kind, inner.because ?? '');
    finding.noteFlags(inner);
  } else if (inner.kind !== 'read') finding.note('locking-read', 'EXPLAIN');
}

/** Whether a parenthesis after EXPLAIN begins a query rather than options. */
function beginsQuery(tokens: Tokenizer): boolean {
  const ahead = tokens.fork();
  ahead.next();
  return firstWord(ahead) === 'query';
}

/** Returns true if ANALYZE is among the options, whatever its value. */
function readOptions(tokens: Tokenizer): boolean {
  let isRun = false;
  while (!endsStatement(tokens) && tokens.type !== Token.close) {
    const word = wordOf(tokens);
    // A quoted option name is so unusual that it counts as ANALYZE.
    isRun ||= word === 'analyze' || word === 'analyse' || tokens.type === Token.quoted;
    tokens.next();
  }
  if (tokens.type === Token.close) tokens.next();
  return isRun;
}

/**
 * Reads `COPY table TO STDOUT` and `COPY (query) TO STDOUT` up to the end; they do what their query does. For any other COPY, into a
 * table or a file of the server, it returns false and reads nothing.
 */
function readCopyOut(tokens: Tokenizer, catalog: Catalog, finding: Finding): boolean {
  const ahead = tokens.fork();
  const source = new Finding();
  ahead.next();
  const hasSource =
    ahead.type === Token.open ? readQuery(ahead, catalog, source) : readTable(ahead, catalog, source);
  if (!hasSource || !takeWord(ahead, 'to') || !takeWord(ahead, 'stdout') || !skipOptions(ahead)) return false;
  tokens.join(ahead);
  finding.note(source.kind, source.because ?? '');
  finding.noteFlags(source);
  finding.noteTablesOf(source);
  finding.isCopy = true;
  return true;
}

function readQuery(tokens: Tokenizer, catalog: Catalog, source: Finding): boolean {
  new QueryReader(tokens, catalog, source).readGroup();
  return !source.isUnparsable;
}

/** Reads a table, with or without its columns. */
function readTable(tokens: Tokenizer, catalog: Catalog, source: Finding): boolean {
  const last = new LastName(tokens);
  const names = new NameEffects(catalog, source);
  names.useImplied();
  for (let before = ''; isName(tokens); before = '.') {
    last.set(before);
    const name = last.name();
    if (name === undefined) return false;
    names.use(name, before === '.');
    tokens.next();
    if (tokens.type !== Token.dot) {
      const table = last.tableName();
      if (table !== undefined) names.useRelation(table);
      return table !== undefined && skipColumns(tokens);
    }
    tokens.next();
  }
  return false;
}

function skipColumns(tokens: Tokenizer): boolean {
  if (tokens.type !== Token.open) return true;
  let type: TokenType;
  do {
    tokens.next();
    if (!isName(tokens)) return false;
    type = tokens.next();
  } while (type === Token.comma);
  tokens.next();
  return type === Token.close;
}

/** Skips the options, which are names, numbers and texts and cannot call anything. */
function skipOptions(tokens: Tokenizer): boolean {
  while (tokens.type !== Token.end && tokens.type !== Token.semicolon) {
    if (tokens.type === Token.broken) return false;
    tokens.next();
  }
  return true;
}

function isName({ type }: Tokenizer): boolean {
  return type === Token.word || type === Token.quoted;
}

function takeWord(tokens: Tokenizer, word: string): boolean {
  const isWord = wordOf(tokens) === word;
  if (isWord) tokens.next();
  return isWord;
}
