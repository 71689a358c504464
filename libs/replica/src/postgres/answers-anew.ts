import type pg from 'pg';
import { DiscreetClient } from './discreet-client.js';
import { isConnectionLoss } from './postgres-errors.js';
import { cutSocket } from './cut-socket.js';

/**
 * Whether a node answers on a new connection such as its pool would make, within `timeoutMs` milliseconds. A server that
 * refuses with an error of its own (too many connections, a wrong password) answers. Never rejects; `false` when aborted.
 */
export async function answersAnew(
  config: pg.ClientConfig,
  { timeoutMs, signal }: { timeoutMs: number; signal: AbortSignal },
): Promise<boolean> {
  if (signal.aborted) return false;
  const client = new DiscreetClient(config);
  client.on('error', () => undefined);
  const cut = (): void => cutSocket(client);
  const timer = setTimeout(cut, timeoutMs);
  signal.addEventListener('abort', cut);
  try {
    await client.connect();
    await client.query('SELECT 1');
    return true;
  } catch (error) {
    return !isConnectionLoss(error);
  } finally {
    clearTimeout(timer);
    signal.removeEventListener('abort', cut);
    client.end().catch(() => undefined);
  }
}
