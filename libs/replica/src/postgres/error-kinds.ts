import { codeOf, messageOf } from '../errors/describe-error.js';
import type { ErrorKinds } from '../execution/database.js';
import { SOCKET_CODES } from '../execution/socket-codes.js';

// Classifies errors of `pg` and its sockets. It looks at codes, not at classes: an error may come from another realm.

/** The messages of errors that `pg` and `pg-pool` throw without a code (`pg/lib/client.js`, `pg-pool/index.js`). */
const CONNECTION_TEXTS =
  /^(Connection terminated|Client has encountered a connection error|timeout expired|timeout exceeded when trying to connect|Query read timeout|Client was closed|The server does not support SSL|Cannot use a pool after)/;

/**
 * The connection is gone or cannot be made. That covers class 08, 57P01 to 57P05 (shutdown, crash, starting up, database dropped, idle
 * session), socket errors, the driver's time-outs, and our own error for a connection that leads to the wrong server.
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
 * Only the statement failed and the session goes on: the number of values did not match its parameters (08P01), or a foreign server
 * could not be reached (08001, 08006). PostgreSQL itself sends such an error if it names a routine; poolers name none.
 */
function isOfStatementAlone(error: unknown): boolean {
  const { routine, severity } = error as { routine?: unknown; severity?: unknown };
  return routine === 'exec_bind_message' || (typeof routine === 'string' && severity === 'ERROR');
}

/**
 * The connection was lost while the statement ran, without a reason: the server process may have crashed. A pooler reports this with
 * class 08.
 */
export function isSilentLoss(error: unknown): boolean {
  if (!isConnectionLoss(error)) return false;
  const code = codeOf(error);
  if (code === undefined) return messageOf(error).startsWith('Connection terminated');
  return code === 'ECONNRESET' || code === 'EPIPE' || code.startsWith('08');
}

/**
 * The statement failed only because it was prepared. `changed`: its table has changed (0A000, "cached plan must not change result
 * type"). `lost`: it no longer exists (26000: DEALLOCATE, a pooler), or another client already prepared it (42P05: a pooler).
 */
export function preparedFailureOf(error: unknown): 'changed' | 'lost' | undefined {
  const code = codeOf(error);
  if (code === '0A000') return 'changed';
  return code === '26000' || code === '42P05' ? 'lost' : undefined;
}

/** The message of `pg-pool` when no connection became free in time, and also when it could not make one in time. */
export const POOL_TIMEOUT_TEXT = 'timeout exceeded when trying to connect';

/** Poolers answer messages that they do not expect with this code. `pg` rejects answers that it does not expect with this text. */
const PROTOCOL_VIOLATION = '08P01';
const UNEXPECTED_ANSWER = /^Received unexpected /;

/** The port's view of PostgreSQL's errors. */
export const POSTGRES_ERRORS: ErrorKinds = {
  isConnectionLoss,
  // 25P03: idle in a transaction for too long; 25P04: the transaction ran for too long. No other node would be more patient.
  isCutByServer: (error) => /^25P0[34]$/.test(codeOf(error) ?? ''),
  isConnectionEnd: (error) => isConnectionLoss(error) || POSTGRES_ERRORS.isCutByServer(error),
  isAnswer: (error) => !isConnectionLoss(error) && codeOf(error)?.startsWith('REPLICA_') !== true,
  // `pg/lib/client.js`
  isUnsent: (error) => codeOf(error) === undefined && messageOf(error).endsWith('is not queryable'),
  isSilentLoss,
  // A conflict with recovery (40001; never the node's fault), insufficient resources (53), a system error of the node (58).
  isWorthAnotherNode: (error) =>
    isConnectionLoss(error) || /^(REPLICA_POOL_EXHAUSTED|40001|53...|58...)$/.test(codeOf(error) ?? ''),
  // "cannot execute ... in a read-only transaction"
  isWriteRefusal: (error) => codeOf(error) === '25006',
  // The function or table does not work in recovery (55000, 0A000: unlogged tables), or the replica has not yet replayed a
  // migration that creates the name.
  mayWorkOnPrimary: (error) => /^(55000|0A000|42P01|42703|42883|42704|3F000)$/.test(codeOf(error) ?? ''),
  preparedFailureOf,
  // `pg` begins its own messages like this, so `isConnectionLoss` recognizes it.
  connectionLost: (why) => new Error(`Connection terminated: ${why}`),
  isPoolTimeout: (error) => messageOf(error) === POOL_TIMEOUT_TEXT,
  isLaneRefusal: (error) => codeOf(error) === PROTOCOL_VIOLATION || UNEXPECTED_ANSWER.test(messageOf(error)),
};
