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

const BEFORE_OBJECT: ReadonlySet<string> = new Set([
  'or',
  'replace',
  'global',
  'local',
  'unlogged',
  'recursive',
]);

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

const anything = (because: string): Command => ({
  kind: 'unknown',
  because,
  mayWrite: true,
  changesCatalog: true,
});

const always =
  (command: Command): ByWords =>
  () =>
    command;

/** All commands of the manual's part VI. The reader treats a command of a later version as one that may do anything. */
const COMMANDS: ReadonlyMap<string, ByWords> = new Map<string, ByWords>([
  ...[
    'insert',
    'update',
    'delete',
    'merge',
    'truncate',
    'copy',
    'grant',
    'revoke',
    'comment',
    'security',
    'reassign',
  ].map((word): [string, ByWords] => [word, always(write(word.toUpperCase()))]),
  ...['vacuum', 'analyze', 'analyse', 'reindex', 'cluster', 'refresh', 'checkpoint'].map(
    (word): [string, ByWords] => [word, always(write(word.toUpperCase()))],
  ),
  ...['alter', 'drop', 'import'].map((word): [string, ByWords] => [
    word,
    always(schemaChange(word.toUpperCase())),
  ]),
  ...['listen', 'unlisten', 'deallocate', 'discard', 'reset', 'load'].map((word): [string, ByWords] => [
    word,
    always(onConnection(word.toUpperCase())),
  ]),
  ...['fetch', 'move', 'close'].map((word): [string, ByWords] => [
    word,
    always(withoutTrace(word.toUpperCase())),
  ]),
  ...['savepoint', 'release'].map((word): [string, ByWords] => [
    word,
    always(step(word.toUpperCase(), 'other')),
  ]),
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
  ['do', always(anything('DO'))],
  ['call', always(anything('CALL'))],
]);

/** Finds the command by a statement's first words; `undefined` if it is unknown. */
export function commandOf(words: readonly string[]): Command | undefined {
  return COMMANDS.get(words[0] ?? '')?.(words);
}
