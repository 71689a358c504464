import type { StatementKind, TransactionStep } from '../../execution/statements/statement.js';

/** What a command that does not begin like a query does. */
export interface Command {
  readonly kind: StatementKind;
  readonly because: string;
  readonly mayWrite?: boolean;
  readonly keepsConnection?: boolean;
  readonly changesCatalog?: boolean;
  readonly transaction?: TransactionStep;
  readonly readOnly?: boolean;
}

/** Identifies a command by its first words, in lower case. Tokens that are not words count as empty ones. */
type ByWords = (words: readonly string[]) => Command;

const write = (because: string): Command => ({ kind: 'write', because, mayWrite: true });
const schemaChange = (because: string): Command => ({ ...write(because), changesCatalog: true });
const onConnection = (because: string): Command => ({
  kind: 'session-change',
  because,
  keepsConnection: true,
});
const withoutTrace = (because: string): Command => ({ kind: 'session-change', because });
const step = (because: string, transaction: TransactionStep): Command => ({
  kind: 'transaction-control',
  because,
  transaction,
});

const BEFORE_OBJECT: ReadonlySet<string> = new Set('or replace global local unlogged recursive'.split(' '));

function create(words: readonly string[]): Command {
  let at = 1;
  while (BEFORE_OBJECT.has(words[at] ?? '')) at += 1;
  const object = words[at];
  if (object === 'temp' || object === 'temporary')
    return { ...schemaChange('CREATE TEMPORARY'), keepsConnection: true };
  return object === 'index' || object === 'unique' ? write('CREATE INDEX') : schemaChange('CREATE');
}

function begin(words: readonly string[]): Command {
  if (words[0] === 'start' && words[1] !== 'transaction')
    return { kind: 'unknown', because: 'START', mayWrite: true };
  const isReadOnly = words.includes('only') && !words.includes('write');
  return { ...step('BEGIN', 'begin'), readOnly: isReadOnly };
}

/** COMMIT PREPARED commits a transaction of any connection and ends none on this one. */
function commit(words: readonly string[]): Command {
  return words[1] === 'prepared' ? write('COMMIT PREPARED') : step('COMMIT', 'end');
}

function rollback(words: readonly string[]): Command {
  if (words[1] === 'prepared') return { kind: 'write', because: 'ROLLBACK PREPARED' };
  return words.slice(1, 3).includes('to') ? step('ROLLBACK TO', 'other') : step('ROLLBACK', 'end');
}

function set(words: readonly string[]): Command {
  if (words[1] === 'transaction' || words[1] === 'constraints') return step('SET TRANSACTION', 'other');
  return words[1] === 'local' ? withoutTrace('SET LOCAL') : onConnection('SET');
}

function prepare(words: readonly string[]): Command {
  return words[1] === 'transaction' ? step('PREPARE TRANSACTION', 'end') : onConnection('PREPARE');
}

const anything = (because: string): Command => ({ ...schemaChange(because), kind: 'unknown' });

const always =
  (command: Command): ByWords =>
  () =>
    command;

/** Commands that do the same, whatever follows their first word. */
function each(words: string, commandOfWord: (because: string) => Command): [string, ByWords][] {
  return words.split(' ').map((word) => [word, always(commandOfWord(word.toUpperCase()))]);
}

/** All commands of the manual's part VI. The reader treats a command of a later version as one that may do anything. */
const COMMANDS: ReadonlyMap<string, ByWords> = new Map<string, ByWords>([
  ...each('insert update delete merge truncate copy grant revoke comment security reassign', write),
  ...each('vacuum analyze analyse reindex cluster refresh checkpoint', write),
  ...each('alter drop import', schemaChange),
  ...each('listen unlisten deallocate discard reset load', onConnection),
  ...each('fetch move close', withoutTrace),
  ...each('savepoint release', (because) => step(because, 'other')),
  ...each('do call', anything),
  ['create', create],
  ['begin', begin],
  ['start', begin],
  ['commit', commit],
  ['end', commit],
  ['rollback', rollback],
  ['abort', rollback],
  ['set', set],
  ['prepare', prepare],
  ['lock', always({ kind: 'locking-read', because: 'LOCK' })],
  ['notify', always({ kind: 'write', because: 'NOTIFY' })],
  ['execute', always({ kind: 'unknown', because: 'EXECUTE', mayWrite: true })],
]);

/** Finds the command by a statement's first words; `undefined` if it is unknown. */
export function commandOf(words: readonly string[]): Command | undefined {
  return COMMANDS.get(words[0] ?? '')?.(words);
}
