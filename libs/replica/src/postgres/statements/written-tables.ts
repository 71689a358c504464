import type { Catalog } from './catalog.js';
import { foldWord } from './keywords.js';
import { LastName } from './names.js';
import { Token, type Tokenizer } from './tokenizer.js';

/** The word between a command and the table that it writes to. */
const BEFORE_TABLE: Readonly<Record<string, string | undefined>> = {
  insert: 'into',
  merge: 'into',
  delete: 'from',
  update: '',
};

/**
 * The tables whose rows a command changes, by their plain names: the one that it names, and those that a write to this one reaches.
 * `undefined`: nobody knows. Starts at the current token, and leaves it.
 */
export function writtenTables(
  tokens: Tokenizer,
  { relations, reach }: Catalog,
): readonly string[] | undefined {
  const name = writtenTable(tokens.fork());
  if (name === undefined || relations?.has(name) !== true) return undefined;
  const others = reach.get(name);
  return others === null ? undefined : [name, ...(others ?? [])];
}

function writtenTable(tokens: Tokenizer): string | undefined {
  const before = BEFORE_TABLE[takeWord(tokens)];
  if (before === undefined || (before !== '' && takeWord(tokens) !== before)) return undefined;
  if (wordOf(tokens) === 'only') tokens.next();
  const last = new LastName(tokens);
  for (let mark = ''; tokens.type === Token.word || tokens.type === Token.quoted; mark = '.') {
    last.set(mark);
    if (tokens.next() !== Token.dot) return last.name();
    tokens.next();
  }
  return undefined;
}

function takeWord(tokens: Tokenizer): string {
  const word = wordOf(tokens);
  tokens.next();
  return word;
}

function wordOf({ type, text, start, end }: Tokenizer): string {
  return type === Token.word ? foldWord(text.slice(start, end)) : '';
}
