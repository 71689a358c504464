import { codeOf, messageOf } from '../errors/describe-error.js';
import type { ErrorKinds } from '../execution/database.js';
import { SOCKET_CODES } from '../execution/socket-codes.js';

// Classifies errors of `mysql2`, its sockets and the servers, by number where there is one: `mysql2` does not name the errors that only
// MariaDB knows. Numbers: https://mariadb.com/kb/en/mariadb-error-code-reference/ and
// https://dev.mysql.com/doc/mysql-errors/8.4/en/server-error-reference.html. Proxies also send numbers of the client library (2xxx).

/** What `mysql2` calls a connection that ended without an error of the server (`lib/base/connection.js`). */
const LOST_CODE = 'PROTOCOL_CONNECTION_LOST';
/** The driver's own time limit: the statement goes on running, and its answer would be taken for that of the next one. */
const TIMEOUT_CODE = 'PROTOCOL_SEQUENCE_TIMEOUT';
const POOL_TIMEOUT_CODE = 'POOL_TIMEOUT';

/** What `mysql2` says, without a code, when it already knew that the connection was gone (`lib/base/connection.js`). */
const UNSENT_TEXT = /^Can't (?:add new command when connection is|write) in closed state$/;

const LOSS_CODES: ReadonlySet<string> = new Set([
  ...SOCKET_CODES,
  LOST_CODE,
  TIMEOUT_CODE,
  POOL_TIMEOUT_CODE,
  'PROTOCOL_UNEXPECTED_PACKET',
  'PROTOCOL_ERROR',
  'HANDSHAKE_NO_SSL_SUPPORT',
  'HANDSHAKE_SSL_ERROR',
  'HANDSHAKE_UNKNOWN_ERROR',
  'REPLICA_NODE_UNAVAILABLE',
  'REPLICA_WRONG_SERVER',
]);

/** The server disconnected a client that was idle for too long (MySQL 8.0.24). It answers the next statement with this, unread. */
const IDLE_TOO_LONG = 4031;

/** The statement may have been sent, and nobody says why the connection is gone: a proxy lost its server, a packet was cut off. */
const SILENT_LOSS_NUMBERS: readonly number[] = [1158, 1159, 1160, 1161, 2006, 2013, 2055];

/**
 * The session has ended or could not begin: handshake (1042, 1043), shutdown (1053, 1077 to 1080), aborted (1152, 1184), killed (1927,
 * 3169), offline mode (3032), and a proxy without a server (2002, 2003, 9001).
 */
const LOSS_NUMBERS: ReadonlySet<number> = new Set(
  SILENT_LOSS_NUMBERS.concat(
    IDLE_TOO_LONG,
    [1042, 1043, 1053, 1077, 1078, 1079, 1080, 1152, 1184, 1927, 2002, 2003, 3032, 3169, 9001],
  ),
);

/**
 * The node lacks something that another one may have: disk (1021, 1026, 1114), memory (1037, 1038, 1041, 1135), connections (1040, 1203,
 * 1226), or an intact file (1023, 1024, 1030, 1034, 1194, 1815, 1877). 1129: it blocks this host. 1412: its table has just changed.
 */
const NODE_TROUBLE: ReadonlySet<number> = new Set([
  1021, 1023, 1024, 1026, 1030, 1034, 1037, 1038, 1040, 1041, 1114, 1129, 1135, 1194, 1203, 1226, 1412, 1815,
  1877,
]);

/**
 * A replica may not have what a migration or a grant has created on the primary: a database (1044, 1049), table (1142, 1146), column
 * (1054, 1143), index (1176), function (1305, 1370), or what a view rests on (1356).
 */
const NOT_THERE_YET: ReadonlySet<number> = new Set([
  1044, 1049, 1054, 1142, 1143, 1146, 1176, 1305, 1356, 1370,
]);

const READ_ONLY_TRANSACTION = 1792;
/** InnoDB is read-only, as on Aurora's readers. */
const READ_ONLY_SERVER = 1836;
/** Many options make the server refuse with this number. Its text names the option. */
const REFUSED_BY_OPTION = 1290;
const READ_ONLY_OPTION = /--(?:super[-_]|innodb[-_])?read[-_]only\b/;

/** The server's number of an error; `undefined`: the error does not come from a server. Those of sockets are negative. */
function numberOf(error: unknown): number | undefined {
  if (typeof error !== 'object' || error === null || !('errno' in error)) return undefined;
  const { errno } = error;
  return typeof errno === 'number' && errno > 0 ? errno : undefined;
}

function isAmong(numbers: ReadonlySet<number>, error: unknown): boolean {
  const number = numberOf(error);
  return number !== undefined && numbers.has(number);
}

/** The connection is gone, none could be opened, or it can no longer be used. */
export function isConnectionLoss(error: unknown): boolean {
  return isAmong(LOSS_NUMBERS, error) || LOSS_CODES.has(codeOf(error) ?? '') || isUnsent(error);
}

/** The server had ended the session before it could read the statement. That is also a connection loss. */
function isCutByServer(error: unknown): boolean {
  return numberOf(error) === IDLE_TOO_LONG;
}

/** Refusals of servers that had ceased to be the primary. */
const demotions = new WeakSet<object>();

/** A text that may run several statements. Some of them may have succeeded before one was refused. */
const MAY_RUN_SEVERAL = /\b(?:call|execute|atomic)\b|;\s*\S/i;

/**
 * Notes an error of the server that was the primary when the statement was sent. If it refuses to write because it has been demoted, that
 * means what the loss of a connection means that was known to be lost: nothing was done, nothing more can be done on this connection, and
 * the statement belongs on whichever server is the primary by now.
 */
export function noteErrorOfPrimary(error: object, text: string): void {
  if (isServerReadOnly(error) && !MAY_RUN_SEVERAL.test(text)) demotions.add(error);
}

function isDemotion(error: unknown): boolean {
  return typeof error === 'object' && error !== null && demotions.has(error);
}

function isUnsent(error: unknown): boolean {
  return isDemotion(error) || hasClosedState(error);
}

function hasClosedState(error: unknown): boolean {
  return codeOf(error) === undefined && UNSENT_TEXT.test(messageOf(error));
}

export function isSilentLoss(error: unknown): boolean {
  const number = numberOf(error);
  if (number !== undefined) return SILENT_LOSS_NUMBERS.includes(number);
  const code = codeOf(error);
  return code === LOST_CODE || code === 'ECONNRESET' || code === 'EPIPE';
}

/**
 * The server refused to write because it, or the transaction, is read-only. Nothing of the statement happened. A COMMIT that is refused
 * like this has rolled back.
 */
export function isWriteRefusal(error: unknown): boolean {
  return numberOf(error) === READ_ONLY_TRANSACTION || isServerReadOnly(error);
}

/** The server itself refuses writes, whatever the transaction. */
function isServerReadOnly(error: unknown): boolean {
  const number = numberOf(error);
  return (
    number === READ_ONLY_SERVER || (number === REFUSED_BY_OPTION && READ_ONLY_OPTION.test(messageOf(error)))
  );
}

/**
 * The statement failed only because it was prepared. `changed`: its table has changed (1615), it cannot be prepared (1295), or it does not
 * take such values in binary form (1210: MySQL takes no DOUBLE for a LIMIT). `lost`: the
 * server does not know it (1243), or has no room for another one (1461).
 */
export function preparedFailureOf(error: unknown): 'changed' | 'lost' | undefined {
  switch (numberOf(error)) {
    case 1615:
    case 1295:
    case 1210:
      return 'changed';
    case 1243:
    case 1461:
      return 'lost';
    default:
      return undefined;
  }
}

/** The error of a pool that had no free connection in time. */
export function poolTimeout(waitedMs: number): Error {
  return Object.assign(new Error(`no connection became free within ${waitedMs} ms`), {
    code: POOL_TIMEOUT_CODE,
  });
}

/** The port's view of the errors of MySQL and MariaDB. */
export const MYSQL_ERRORS: ErrorKinds = {
  isConnectionLoss,
  isCutByServer,
  isConnectionEnd: isConnectionLoss,
  isAnswer: (error) => !isConnectionLoss(error) && codeOf(error)?.startsWith('REPLICA_') !== true,
  isUnsent,
  isSilentLoss,
  isWorthAnotherNode: (error) =>
    isConnectionLoss(error) || codeOf(error) === 'REPLICA_POOL_EXHAUSTED' || isAmong(NODE_TROUBLE, error),
  isWriteRefusal,
  mayWorkOnPrimary: (error) => isAmong(NOT_THERE_YET, error),
  preparedFailureOf,
  connectionLost: (why) =>
    Object.assign(new Error(`Connection lost: ${why}`), { code: LOST_CODE, fatal: true }),
  isPoolTimeout: (error) => codeOf(error) === POOL_TIMEOUT_CODE,
  isLaneRefusal: (error) => codeOf(error) === 'PROTOCOL_UNEXPECTED_PACKET',
};
