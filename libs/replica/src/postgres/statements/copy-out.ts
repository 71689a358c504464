import type { Catalog } from './catalog.js';
import { Finding } from './finding.js';
import { foldWord } from './keywords.js';
import { LastName } from './last-name.js';
import { NameEffects } from './name-effects.js';
import { QueryReader } from './query-reader.js';
import { Token, type TokenType } from './token.js';
import type { Tokenizer } from './tokenizer.js';

/**
 * Reads `COPY table TO STDOUT` and `COPY (query) TO STDOUT` up to the end: they do what their query does. False, and nothing
 * is read, where it is another COPY: into a table, or a file of the server's.
 */
export function readCopyOut(tokens: Tokenizer, catalog: Catalog, finding: Finding): boolean {
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
  return !source.isOdd;
}

/** A table with or without its columns. */
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

/** Names, numbers and texts: options call nothing. */
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
  const isWord = tokens.type === Token.word && foldWord(tokens.text.slice(tokens.start, tokens.end)) === word;
  if (isWord) tokens.next();
  return isWord;
}
