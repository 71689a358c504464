import { formatTableName, parseTableName } from '../../routing/table-name.js';
import type { Catalog } from './catalog.js';
import { foldWord } from './keywords.js';
import { LastName } from './last-name.js';
import { Token, type Tokenizer } from './tokenizer.js';

const MODIFIERS: ReadonlySet<string> = new Set([
  'low_priority',
  'delayed',
  'high_priority',
  'quick',
  'ignore',
]);

/** What may follow the table of a command that changes no other one; an empty text stands for the end. `undefined`: anything. */
const AFTER_TABLE: ReadonlyMap<string, ReadonlySet<string> | undefined> = new Map([
  ['insert', undefined],
  ['replace', undefined],
  ['update', new Set(['set'])],
  ['delete', new Set(['', 'where', 'order', 'limit', 'returning'])],
]);

/**
 * The tables whose rows a command changes, by their plain names: the one that it names, and those behind it if that is a view.
 * `undefined`: nobody knows. Starts at the current token, and leaves it. Cascades and triggers are not seen: to list them may take
 * the server long, and many users may not.
 */
export function writtenTables(
  tokens: Tokenizer,
  { relations, restsOn, foldsTables }: Catalog,
): readonly string[] | undefined {
  const written = writtenTable(tokens.fork());
  if (written === undefined) return undefined;
  const name = foldsTables ? written.toLowerCase() : written;
  const key = formatTableName({ name });
  if (relations?.has(key) !== true) return undefined;
  return [name, ...(restsOn.get(key) ?? []).map((table) => parseTableName(table)?.name ?? table)];
}

function writtenTable(tokens: Tokenizer): string | undefined {
  const command = wordOf(tokens);
  if (!AFTER_TABLE.has(command)) return undefined;
  do tokens.next();
  while (MODIFIERS.has(wordOf(tokens)));
  const word = wordOf(tokens);
  if (command === 'delete' && word !== 'from') return undefined;
  if (word === 'from' || word === 'into') tokens.next();
  const last = new LastName(tokens);
  for (let isQualified = false; isName(tokens); isQualified = true) {
    last.set(isQualified);
    if (tokens.next() !== Token.dot) return mayFollow(command, tokens) ? last.name() : undefined;
    tokens.next();
  }
  return undefined;
}

function mayFollow(command: string, tokens: Tokenizer): boolean {
  const after = AFTER_TABLE.get(command);
  if (after === undefined) return true;
  const isEnd = tokens.type === Token.end || tokens.type === Token.semicolon;
  const word = wordOf(tokens);
  return isEnd ? after.has('') : word !== '' && after.has(word);
}

function isName({ type }: Tokenizer): boolean {
  return type === Token.word || type === Token.quoted;
}

function wordOf({ type, text, start, end }: Tokenizer): string {
  return type === Token.word ? foldWord(text.slice(start, end)) : '';
}
