import { codeOf, messageOf } from '../errors/describe-error.js';
import type { ErrorKinds } from '../execution/database.js';

/** What an error of `pg` or of its socket tells. Errors are known by their code: they may come from another realm. */

const SOCKET_CODES = new Set([
  'ECONNREFUSED',
  'ECONNRESET',
  'ECONNABORTED',
  'EPIPE',
  'ETIMEDOUT',
  'EHOSTUNREACH',
  'EHOSTDOWN',
  'ENETUNREACH',
  'ENETDOWN',
  'ENOTFOUND',
  'EAI_AGAIN',
  'EMFILE',
]);

/** Errors of `pg` and `pg-pool` have no code; these are their texts (`pg/lib/client.js`, `pg-pool/index.js`). */
const CONNECTION_TEXTS =
  /^(Connection terminated|Client has encountered a connection error|timeout expired|timeout exceeded when trying to connect|Query read timeout|Client was closed|The server does not support SSL|Cannot use a pool after)/;

/**
 * The connection is gone or cannot be had: class 08, 57P01 to 57P05 (shutdown, crash, starting up, database dropped,
 * idle session), the socket's errors, the driver's time-outs; and our own word that a connection leads to the wrong server.
 * https://www.postgresql.org/docs/current/errcodes-appendix.html
 */
export function isConnectionLoss(error: unknown): boolean {
  const code = codeOf(error);
  if (code === 'REPLICA_NODE_UNAVAILABLE' || code === 'REPLICA_WRONG_SERVER') return true;
  if (code !== undefined) {
    return (
      (code.startsWith('08') && !isOfStatementAlone(error)) ||
      /^57P0[1-5]$/.test(code) ||
      SOCKET_CODES.has(code)
    );
  }
  return CONNECTION_TEXTS.test(messageOf(error));
}

/**
 * PostgreSQL itself (poolers name no routine) says that a statement failed and the session goes on: it was given more values than it
 * has parameters, or fewer (08P01), or a foreign server was not reached (08001, 08006).
 */
function isOfStatementAlone(error: unknown): boolean {
  const { routine, severity } = error as { routine?: unknown; severity?: unknown };
  return routine === 'exec_bind_message' || (typeof routine === 'string' && severity === 'ERROR');
}

/**
 * The server has ended the session and says that it rolled back what was open: 25P03 (a transaction idled for too long), 25P04 (it
 * took too long). No other node would be more patient, so it is no connection loss.
 */
export function isCutByServer(error: unknown): boolean {
  return /^25P0[34]$/.test(codeOf(error) ?? '');
}

/** However it came about: nothing more can be run on this connection. */
export function isConnectionEnd(error: unknown): boolean {
  return isConnectionLoss(error) || isCutByServer(error);
}

/**
 * The node answered, if only by an error: that may tell what is in the database (a key that exists, a row that is locked), as
 * rows do. Not so where it gave no answer, or was not asked.
 */
export function isAnswer(error: unknown): boolean {
  return !isConnectionLoss(error) && codeOf(error)?.startsWith('REPLICA_') !== true;
}

/**
 * A read that failed so may succeed on another node: connection loss, a conflict with recovery (40001; never the fault
 * of the node), no resources (class 53), a system error of the node (class 58).
 */
export function isWorthAnotherNode(error: unknown): boolean {
  const code = codeOf(error) ?? '';
  return (
    isConnectionLoss(error) || code === 'REPLICA_POOL_EXHAUSTED' || code === '40001' || /^(53|58)/.test(code)
  );
}

/** A replica refused to write: 25006, "cannot execute ... in a read-only transaction". */
export function isWriteRefusal(error: unknown): boolean {
  return codeOf(error) === '25006';
}

/**
 * The primary may well answer what a replica refused so: functions and tables that do not work in recovery (55000,
 * 0A000: unlogged tables), and names that a migration has made but the replica has not replayed (42P01, 42703, 42883,
 * 42704, 3F000).
 */
export function mayWorkOnPrimary(error: unknown): boolean {
  return ['55000', '0A000', '42P01', '42703', '42883', '42704', '3F000'].includes(codeOf(error) ?? '');
}

/** `pg` had not sent the statement: its connection was known to be gone before (`pg/lib/client.js`). */
export function isUnsent(error: unknown): boolean {
  return codeOf(error) === undefined && messageOf(error).endsWith('is not queryable');
}

/**
 * The connection was lost while the statement ran, and nobody told why: its server process may have crashed. Behind a
 * pooler that is told with class 08.
 */
export function isSilentLoss(error: unknown): boolean {
  if (!isConnectionLoss(error)) return false;
  const code = codeOf(error);
  if (code === undefined) return messageOf(error).startsWith('Connection terminated');
  return code === 'ECONNRESET' || code === 'EPIPE' || code.startsWith('08');
}

/**
 * A prepared statement failed for being prepared: its table has changed (0A000, "cached plan must not change result type"), it is not
 * there any more (26000: DEALLOCATE, a pooler), or somebody else has prepared it already (42P05: a pooler).
 */
export function preparedFailureOf(error: unknown): 'changed' | 'lost' | undefined {
  const code = codeOf(error);
  if (code === '0A000') return 'changed';
  return code === '26000' || code === '42P05' ? 'lost' : undefined;
}

/** What `pg-pool` says when no connection came free in time, and also when none could be made in time. */
const POOL_TIMEOUT_TEXT = 'timeout exceeded when trying to connect';

/** What poolers say to messages that they do not expect, and `pg` to answers that it does not expect. */
const PROTOCOL_VIOLATION = '08P01';
const UNEXPECTED_ANSWER = /^Received unexpected /;

/** PostgreSQL's errors behind the port. */
export const POSTGRES_ERRORS: ErrorKinds = {
  isConnectionLoss,
  isCutByServer,
  isConnectionEnd,
  isAnswer,
  isUnsent,
  isSilentLoss,
  isWorthAnotherNode,
  isWriteRefusal,
  mayWorkOnPrimary,
  preparedFailureOf,
  // In the words of `pg`, by which it is known as a lost connection.
  connectionLost: (why) => new Error(`Connection terminated: ${why}`),
  isPoolTimeout: (error) => messageOf(error) === POOL_TIMEOUT_TEXT,
  isLaneRefusal: (error) => codeOf(error) === PROTOCOL_VIOLATION || UNEXPECTED_ANSWER.test(messageOf(error)),
};
