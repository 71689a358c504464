import { MYSQL_ERRORS as kinds, poolTimeout } from './error-kinds.js';

type Kind = Exclude<keyof typeof kinds, 'connectionLost' | 'preparedFailureOf'>;

const CLOSED = "Can't add new command when connection is in closed state";

/** Errors as `mysql2` 3.24.5 gives them, on MariaDB 10.11 where it was at hand. */
const SEEN: readonly (readonly [what: string, error: object, ...kinds: Kind[]])[] = [
  ['killed while it ran', { code: 'PROTOCOL_CONNECTION_LOST', fatal: true }, 'isSilentLoss', ...loss()],
  ['reset', { code: 'ECONNRESET', errno: -104, fatal: true }, 'isSilentLoss', ...loss()],
  ['closed before', { message: CLOSED, fatal: true }, 'isUnsent', ...loss()],
  ['nobody there', { code: 'ECONNREFUSED', errno: -111, fatal: true }, ...loss()],
  ['hangs', { code: 'ETIMEDOUT', message: 'connect ETIMEDOUT', fatal: true }, ...loss()],
  ['the driver lost patience', { code: 'PROTOCOL_SEQUENCE_TIMEOUT' }, ...loss()],
  ['answers that nobody asked for', { code: 'PROTOCOL_UNEXPECTED_PACKET' }, 'isLaneRefusal', ...loss()],
  ['shutdown', { errno: 1053, code: 'ER_SERVER_SHUTDOWN' }, ...loss()],
  ['KILL CONNECTION', { errno: 1927, sqlState: '70100' }, ...loss()],
  ['idle for too long', { errno: 4031, code: 'ER_CLIENT_INTERACTION_TIMEOUT' }, 'isCutByServer', ...loss()],
  ['a proxy lost its server', { errno: 2013, sqlState: 'HY000' }, 'isSilentLoss', ...loss()],
  ['the wrong server', { code: 'REPLICA_WRONG_SERVER' }, ...loss()],
  ['no free connection', poolTimeout(5), 'isPoolTimeout', ...loss()],
  ['an exhausted pool', { code: 'REPLICA_POOL_EXHAUSTED' }, 'isWorthAnotherNode'],
  ['too many connections', { errno: 1040, code: 'ER_CON_COUNT_ERROR' }, 'isWorthAnotherNode', 'isAnswer'],
  ['the disk is full', { errno: 1021, code: 'ER_DISK_FULL' }, 'isWorthAnotherNode', 'isAnswer'],
  ['wrong password', { errno: 1045, code: 'ER_ACCESS_DENIED_ERROR' }, 'isAnswer'],
  ['no such table', { errno: 1146, code: 'ER_NO_SUCH_TABLE' }, 'mayWorkOnPrimary', 'isAnswer'],
  ['no such column', { errno: 1054, code: 'ER_BAD_FIELD_ERROR' }, 'mayWorkOnPrimary', 'isAnswer'],
  ['no such function', { errno: 1305, code: 'ER_SP_DOES_NOT_EXIST' }, 'mayWorkOnPrimary', 'isAnswer'],
  ['no such database', { errno: 1049, code: 'ER_BAD_DB_ERROR' }, 'mayWorkOnPrimary', 'isAnswer'],
  ['read-only transaction', { errno: 1792, sqlState: '25006' }, 'isWriteRefusal', 'isAnswer'],
  ['read-only InnoDB', { errno: 1836, code: 'ER_READ_ONLY_MODE' }, 'isWriteRefusal', 'isAnswer'],
  ['--read-only', { errno: 1290, message: option('--read-only') }, 'isWriteRefusal', 'isAnswer'],
  ['--super-read-only', { errno: 1290, message: option('--super-read-only') }, 'isWriteRefusal', 'isAnswer'],
  ['another option', { errno: 1290, message: option('--secure-file-priv') }, 'isAnswer'],
  ['KILL QUERY', { errno: 1317, code: 'ER_QUERY_INTERRUPTED' }, 'isAnswer'],
  ['max_statement_time', { errno: 1969, sqlState: '70100' }, 'isAnswer'],
  ['lock wait', { errno: 1205, code: 'ER_LOCK_WAIT_TIMEOUT' }, 'isAnswer'],
  ['deadlock', { errno: 1213, code: 'ER_LOCK_DEADLOCK' }, 'isAnswer'],
  ['duplicate key', { errno: 1062, code: 'ER_DUP_ENTRY' }, 'isAnswer'],
  ['syntax', { errno: 1064, code: 'ER_PARSE_ERROR' }, 'isAnswer'],
];

function loss(): readonly Kind[] {
  return ['isConnectionLoss', 'isConnectionEnd', 'isWorthAnotherNode'];
}

function option(name: string): string {
  return `The MariaDB server is running with the ${name} option so it cannot execute this statement`;
}

function sorted(names: readonly string[]): readonly string[] {
  return names.toSorted((a, b) => a.localeCompare(b));
}

function kindsOf(error: unknown): readonly string[] {
  const found: string[] = [];
  for (const [kind, test] of Object.entries(kinds)) {
    if (/^(is|may)/.test(kind) && (test as (error: unknown) => unknown)(error) === true) found.push(kind);
  }
  return sorted(found);
}

describe('an error of mysql2', () => {
  it.each(SEEN.map(([what, error, ...expected]) => ({ what, error, expected })))(
    'is understood: $what',
    ({ error, expected }) => {
      expect(kindsOf(Object.assign(new Error('message'), error))).toEqual(sorted(expected));
    },
  );

  it.each([
    [1615, 'changed'],
    [1295, 'changed'],
    [1243, 'lost'],
    [1461, 'lost'],
    [1146, undefined],
  ])('says whether a statement failed because it was prepared: %s', (errno, failure) => {
    expect(kinds.preparedFailureOf({ errno })).toBe(failure);
  });

  it('can be made for a connection that this library has cut', () => {
    const error = kinds.connectionLost('it led to the wrong server');
    expect(error).toMatchObject({
      message: 'Connection lost: it led to the wrong server',
      fatal: true,
    });
    expect([kinds.isConnectionLoss(error), kinds.isUnsent(error)]).toEqual([true, false]);
  });

  it.each([undefined, null, 'text', 7, {}])('may be anything: %s', (thrown) => {
    expect(kindsOf(thrown)).toEqual(['isAnswer']);
  });
});
