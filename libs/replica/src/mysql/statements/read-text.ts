import { Finding } from '../../execution/statements/finding.js';
import { readStatements } from '../../execution/statements/read-statements.js';
import type { Catalog } from './catalog.js';
import { CommandReader } from './command-reader.js';
import { foldWord } from './keywords.js';
import { QueryReader } from './query-reader.js';
import { Token, Tokenizer } from './tokenizer.js';

const QUERY_WORDS: ReadonlySet<string> = new Set(['select', 'with', 'values', 'table']);
/** What EXPLAIN and ANALYZE may have before them, apart from queries. */
const EXPLAINED_WORDS: ReadonlySet<string> = new Set([
  ...QUERY_WORDS,
  'insert',
  'update',
  'delete',
  'replace',
]);

/**
 * Finds out what a SQL text may do. The time grows in proportion to the text, up to some 20 ms. A text with too many characters, tokens
 * or statements counts as unparsable. Never throws.
 */
export function readText(text: string, catalog: Catalog): Finding {
  const tokens = new Tokenizer(text);
  const finding = readAll(tokens, catalog);
  if (tokens.isAmbiguous && finding.kind === 'read') {
    finding.note('unknown', 'means something else with NO_BACKSLASH_ESCAPES');
    finding.mayWrite = true;
  }
  return finding;
}

/** Finds out what the query of a view does. The server has written it, always with backslashes that escape. */
export function readView(text: string, catalog: Catalog): Finding {
  return readAll(new Tokenizer(text), catalog);
}

function readAll(tokens: Tokenizer, catalog: Catalog): Finding {
  return readStatements(tokens, Token, (finding) => readStatement(tokens, catalog, finding));
}

function readStatement(tokens: Tokenizer, catalog: Catalog, finding: Finding): void {
  const word = wordOf(tokens);
  if (tokens.type === Token.open || QUERY_WORDS.has(word)) new QueryReader(tokens, catalog, finding).read();
  else if (word === 'explain' || word === 'describe' || word === 'desc')
    readExplain(tokens, catalog, finding);
  else if (word === 'analyze' && !isAnalyzeTable(tokens)) readAnalyze(tokens, catalog, finding);
  else if (word === 'set' && wordAfter(tokens) === 'statement') readSetStatement(tokens, catalog, finding);
  else new CommandReader(tokens, catalog, finding).read();
}

/** The current token as a word in lower case; empty if it is quoted or not a word. */
function wordOf(tokens: Tokenizer): string {
  return tokens.type === Token.word ? foldWord(tokens.text.slice(tokens.start, tokens.end)) : '';
}

function wordAfter(tokens: Tokenizer): string {
  const ahead = tokens.fork();
  ahead.next();
  return wordOf(ahead);
}

function isAnalyzeTable(tokens: Tokenizer): boolean {
  return ['table', 'tables', 'local', 'no_write_to_binlog'].includes(wordAfter(tokens));
}

/**
 * EXPLAIN runs nothing of the statement but some of its subqueries, and EXPLAIN ANALYZE runs all of it. A plan is that of the node that
 * made it. DESCRIBE shows a table.
 */
function readExplain(tokens: Tokenizer, catalog: Catalog, finding: Finding): void {
  finding.note('locking-read', 'EXPLAIN');
  let isRun = false;
  for (let type = tokens.next(); !beginsExplained(tokens); type = tokens.next()) {
    if (type === Token.end || type === Token.semicolon) return;
    if (type === Token.broken) return finding.noteUnparsable('not understood');
    isRun ||= wordOf(tokens) === 'analyze';
    // EXPLAIN FORMAT=JSON INTO @variable
    if (type === Token.at) finding.keepsConnection = true;
  }
  const inner = new Finding();
  readStatement(tokens, catalog, inner);
  if (isRun || inner.kind === 'unknown') noteRun(finding, inner);
}

function beginsExplained(tokens: Tokenizer): boolean {
  return tokens.type === Token.open || EXPLAINED_WORDS.has(wordOf(tokens));
}

/** ANALYZE of a statement runs it (MariaDB). */
function readAnalyze(tokens: Tokenizer, catalog: Catalog, finding: Finding): void {
  finding.note('locking-read', 'ANALYZE');
  for (let type = tokens.next(); !beginsExplained(tokens); type = tokens.next())
    if (type === Token.end || type === Token.semicolon || type === Token.broken)
      return finding.noteUnparsable('not understood');
  const inner = new Finding();
  readStatement(tokens, catalog, inner);
  noteRun(finding, inner);
}

/** SET STATEMENT ... FOR runs a statement with other settings (MariaDB). Even a read may not do that on a replica. */
function readSetStatement(tokens: Tokenizer, catalog: Catalog, finding: Finding): void {
  finding.note('session-change', 'SET STATEMENT');
  for (let type = tokens.next(); wordOf(tokens) !== 'for'; type = tokens.next()) {
    // The values of settings call nothing that may write, but that is not looked at.
    if (type === Token.end || type === Token.semicolon || type === Token.broken || type === Token.open)
      return finding.noteUnparsable('not understood');
  }
  tokens.next();
  // It cannot be nested.
  const inner = new Finding();
  if (wordOf(tokens) === 'set') new CommandReader(tokens, catalog, inner).read();
  else readStatement(tokens, catalog, inner);
  noteRun(finding, inner);
}

function noteRun(finding: Finding, inner: Finding): void {
  finding.note(inner.kind, inner.because ?? '');
  finding.noteFlags(inner);
}
