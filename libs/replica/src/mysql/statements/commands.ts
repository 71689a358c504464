import type { StatementKind, TransactionStep } from '../../execution/statements/statement.js';

/** What a command that does not begin like a query does, as far as its first words tell. */
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
type ByWords = (words: readonly string[]) => Command | undefined;

const write = (because: string): Command => ({ kind: 'write', because, mayWrite: true });
const schemaChange = (because: string): Command => ({ ...write(because), changesCatalog: true });
const onServer = (because: string): Command => ({ kind: 'locking-read', because });
const withoutTrace = (because: string): Command => ({ kind: 'session-change', because });
const onConnection = (because: string): Command => ({ ...withoutTrace(because), keepsConnection: true });
const step = (because: string, transaction: TransactionStep): Command => ({
  kind: 'transaction-control',
  because,
  transaction,
});
const anything = (because: string): Command => ({
  kind: 'unknown',
  because,
  mayWrite: true,
  keepsConnection: true,
  changesCatalog: true,
});

function create(words: readonly string[]): Command {
  const isTemporary = words.slice(1, 4).includes('temporary');
  return isTemporary
    ? { ...schemaChange('CREATE TEMPORARY'), keepsConnection: true }
    : schemaChange('CREATE');
}

/** BEGIN alone begins a transaction. Otherwise it begins a block of statements (MariaDB: BEGIN NOT ATOMIC). */
function begin(words: readonly string[]): Command | undefined {
  const isAlone = words.length === 1 || (words.length === 2 && words[1] === 'work');
  return isAlone ? step('BEGIN', 'begin') : undefined;
}

function start(words: readonly string[]): Command {
  if (words[1] !== 'transaction') return write('START');
  return {
    ...step('START TRANSACTION', 'begin'),
    readOnly: words.includes('only') && !words.includes('write'),
  };
}

function rollback(words: readonly string[]): Command {
  return words.slice(1, 3).includes('to') ? step('ROLLBACK TO', 'other') : step('ROLLBACK', 'end');
}

/** SET TRANSACTION holds for the next transaction of the connection, and so begins it: both have to run there. */
function set(words: readonly string[]): Command | undefined {
  switch (words[1]) {
    case 'transaction':
      return { ...step('SET TRANSACTION', 'begin'), keepsConnection: true };
    case 'password':
    case 'default':
      return write('SET');
    case 'statement':
      return undefined;
    default:
      return onConnection('SET');
  }
}

/** A transaction that is prepared belongs to the server, and any connection may end it. */
function xa(words: readonly string[]): Command {
  switch (words[1]) {
    case 'start':
    case 'begin':
      return { ...step('XA', 'begin'), keepsConnection: true };
    case 'prepare':
    case 'rollback':
      return { ...step('XA', 'end'), keepsConnection: true };
    case 'commit':
      return { ...step('XA', 'end'), mayWrite: true, keepsConnection: true };
    case 'recover':
      return onServer('XA');
    default:
      return { ...step('XA', 'other'), keepsConnection: true };
  }
}

/** FLUSH TABLES ... WITH READ LOCK and FOR EXPORT lock until UNLOCK TABLES. */
function flush(words: readonly string[]): Command {
  return { ...write('FLUSH'), keepsConnection: words.includes('lock') || words.includes('export') };
}

const always =
  (command: Command): ByWords =>
  () =>
    command;

/** Commands that all do the same. */
function alike(words: string, commandOfWord: (because: string) => Command): [string, ByWords][] {
  return words.split(' ').map((word) => [word, always(commandOfWord(word.toUpperCase()))]);
}

/** The commands of MySQL and MariaDB. The reader treats any other one as one that may do anything. */
const COMMANDS: ReadonlyMap<string, ByWords> = new Map<string, ByWords>([
  ...alike('insert update delete replace truncate load analyze optimize repair', write),
  ...alike('cache change purge reset stop shutdown restart binlog clone import', write),
  ...alike('alter drop rename grant revoke install uninstall', schemaChange),
  ...alike('show check checksum help kill', onServer),
  ...alike('lock use prepare handler backup get', onConnection),
  ...alike('unlock deallocate', withoutTrace),
  ...alike('call execute', anything),
  ...alike('savepoint release', (because) => step(because, 'other')),
  ['commit', always(step('COMMIT', 'end'))],
  // What it calls decides what it does.
  ['do', always({ kind: 'unknown', because: 'DO' })],
  ['create', create],
  ['begin', begin],
  ['start', start],
  ['rollback', rollback],
  ['set', set],
  ['xa', xa],
  ['flush', flush],
]);

/** Finds the command by a statement's first words; `undefined` if it is unknown. */
export function commandOf(words: readonly string[]): Command | undefined {
  if (words[0] === 'show' && words.some((word) => word === 'warnings' || word === 'errors'))
    return withoutTrace('SHOW');
  if (words[0] === 'drop' && words[1] === 'prepare') return withoutTrace('DROP PREPARE');
  return COMMANDS.get(words[0] ?? '')?.(words);
}
