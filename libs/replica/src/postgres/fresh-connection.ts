import type pg from 'pg';
import { codeOf } from '../errors/describe-error.js';
import type { Uptime } from '../execution/database.js';
import { cutSocket } from './connection.js';
import { DiscreetClient } from './discreet-client.js';
import { isConnectionLoss, isSilentLoss } from './error-kinds.js';

/**
 * No row, or one with two numbers: for how many milliseconds the server has been running, and since when without a crash. A server that
 * has recovered from the crash of one of its processes goes on with the same start time, but has lost its statistics: those of the
 * background writer tell since when they are counted. (`pg_stat_reset_shared` looks like a crash, which errs on the safe side.)
 * Any role may ask. https://www.postgresql.org/docs/current/monitoring-stats.html
 */
const UPTIME_SQL = `SELECT extract(epoch FROM clock_timestamp() - started) * 1000 AS running_ms,
  extract(epoch FROM clock_timestamp() - greatest(started, since)) * 1000 AS well_ms
  FROM (SELECT pg_postmaster_start_time() AS started, pg_stat_get_bgwriter_stat_reset_time() AS since) counted WHERE since IS NOT NULL`;

/** How long an answer may take; milliseconds. */
const TIMEOUT_MS = 2_000;
/** Somebody may be ending connections on purpose: so often, and with such a pause in milliseconds, it is asked. */
const TRIES = 3;
const PAUSE_MS = 50;
/** cannot_connect_now: the server starts, or recovers from a crash. */
const STARTING = '57P03';

/** How long a server has been running, asked on a new connection; one that is starting is waited for. Never rejects. */
export async function askUptime(config: pg.ClientConfig): Promise<Uptime> {
  const endMs = performance.now() + TIMEOUT_MS;
  for (let left = TRIES - 1; ;) {
    const uptime = await askOnce(config);
    if (uptime === 'lost' ? left-- === 0 : uptime === 'starting' && performance.now() >= endMs)
      return 'unknown';
    if (uptime !== 'lost' && uptime !== 'starting') return uptime;
    await new Promise((resolve) => setTimeout(resolve, PAUSE_MS));
  }
}

async function askOnce(config: pg.ClientConfig): Promise<Uptime | 'lost' | 'starting'> {
  const limits = { connectionTimeoutMillis: TIMEOUT_MS, query_timeout: TIMEOUT_MS };
  const client = new DiscreetClient({ ...config, ...limits });
  client.on('error', () => undefined);
  try {
    await client.connect();
    const { rows } = await client.query<{ running_ms: string; well_ms: string }>(UPTIME_SQL);
    const [row] = rows;
    if (row === undefined) return 'unknown';
    return { runningMs: Number(row.running_ms), wellMs: Number(row.well_ms) };
  } catch (error) {
    const code = codeOf(error);
    if (code === 'ECONNREFUSED') return 'gone';
    if (code === STARTING) return 'starting';
    return code === '57P01' || isSilentLoss(error) ? 'lost' : 'unknown';
  } finally {
    client.end().catch(() => undefined);
  }
}

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
  const cut = (): void => void cutSocket(client);
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
