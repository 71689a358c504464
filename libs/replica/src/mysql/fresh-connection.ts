import { codeOf } from '../errors/describe-error.js';
import type { Uptime } from '../execution/database.js';
import type { MysqlConnection } from './connection.js';
import { isConnectionLoss } from './error-kinds.js';
import { identifyServer } from './identify-server.js';
import { inTimeOrCut, openConnection, type ConnectionSource } from './open-connection.js';

/** The time limit for an answer; milliseconds. */
const TIMEOUT_MS = 2_000;

/**
 * Asks on a new connection how long the server has been running. Never rejects. All statements run in one process, so a crash and a kill
 * look the same: the server is gone, or was started again.
 */
export async function askUptime(source: ConnectionSource): Promise<Uptime> {
  let connection: MysqlConnection | undefined;
  try {
    connection = await openConnection({ ...source, timeoutMs: TIMEOUT_MS });
    const { uptimeMs } = await inTimeOrCut(connection, TIMEOUT_MS, identifyServer(connection));
    return { runningMs: uptimeMs, wellMs: uptimeMs };
  } catch (error) {
    return codeOf(error) === 'ECONNREFUSED' ? 'gone' : 'unknown';
  } finally {
    connection?.close();
  }
}

/**
 * Finds out whether a node answers within `timeoutMs` milliseconds on a new connection like those of its pool. A server that refuses
 * with its own error (too many connections, a wrong password) counts as an answer. Never rejects; `false` when aborted.
 */
export async function answersAnew(
  source: ConnectionSource,
  { timeoutMs, signal }: { readonly timeoutMs: number; readonly signal: AbortSignal },
): Promise<boolean> {
  if (signal.aborted) return false;
  let connection: MysqlConnection | undefined;
  const cut = (): void => void connection?.cut();
  signal.addEventListener('abort', cut);
  try {
    connection = await openConnection({ ...source, timeoutMs });
    await inTimeOrCut(connection, timeoutMs, connection.ping());
    return !signal.aborted;
  } catch (error) {
    return !isConnectionLoss(error);
  } finally {
    signal.removeEventListener('abort', cut);
    connection?.close();
  }
}
