import type pg from 'pg';
import { codeOf } from '../errors/describe-error.js';
import type { Uptime } from '../execution/database.js';
import { cutSocket } from './connection.js';
import { discreetClient } from './discreet-client.js';
import { isConnectionLoss, isSilentLoss } from './error-kinds.js';

/**
 * Gives one row or none: for how many milliseconds the server has been running, and for how many without a crash. After one of its
 * processes crashes, a server keeps its start time but resets its statistics. The background writer's statistics record when counting
 * began. (`pg_stat_reset_shared` looks like a crash, which errs on the safe side.) Any role may run it. https://www.postgresql.org/docs/current/monitoring-stats.html
 */
const UPTIME_SQL = `SELECT extract(epoch FROM clock_timestamp() - started) * 1000 AS running_ms,
  extract(epoch FROM clock_timestamp() - greatest(started, since)) * 1000 AS well_ms
  FROM (SELECT pg_postmaster_start_time() AS started, pg_stat_get_bgwriter_stat_reset_time() AS since) counted WHERE since IS NOT NULL`;

/** The time limit for an answer; milliseconds. */
const TIMEOUT_MS = 2_000;
const LIMITS = { connectionTimeoutMillis: TIMEOUT_MS, query_timeout: TIMEOUT_MS };
/** Someone may be terminating connections on purpose, so {@link askUptime} tries this often, with this pause in milliseconds. */
const TRIES = 3;
const PAUSE_MS = 50;
/** cannot_connect_now: the server is starting or recovering from a crash. */
const STARTING = '57P03';

/** Opens a connection that answers within the time limit, and has a listener for its errors. */
export type OpenClient = () => Promise<pg.Client>;

/** Asks on a new connection how long the server has been running. Waits for a server that is starting. Never rejects. */
export function askUptime(config: pg.ClientConfig): Promise<Uptime> {
  return askUptimeOn(async () => {
    const client = new (discreetClient())({ ...config, ...LIMITS });
    client.on('error', () => undefined);
    try {
      await client.connect();
    } catch (error) {
      client.end().catch(() => undefined);
      throw error;
    }
    return client;
  });
}

/** Like {@link askUptime}, on connections that `open` makes. */
export async function askUptimeOn(open: OpenClient): Promise<Uptime> {
  const endMs = performance.now() + TIMEOUT_MS;
  for (let left = TRIES - 1; ;) {
    const uptime = await askOnce(open);
    if (uptime === 'lost' ? left-- === 0 : uptime === 'starting' && performance.now() >= endMs)
      return 'unknown';
    if (uptime !== 'lost' && uptime !== 'starting') return uptime;
    await new Promise((resolve) => setTimeout(resolve, PAUSE_MS));
  }
}

async function askOnce(open: OpenClient): Promise<Uptime | 'lost' | 'starting'> {
  let client: pg.Client | undefined;
  try {
    client = await open();
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
    client?.end().catch(() => undefined);
  }
}

/**
 * Finds out whether a node answers within `timeoutMs` milliseconds on a new connection like those of its pool. A server that refuses
 * with its own error (too many connections, a wrong password) counts as an answer. Never rejects; `false` when aborted.
 */
export async function answersAnew(
  config: pg.ClientConfig,
  { timeoutMs, signal }: { timeoutMs: number; signal: AbortSignal },
): Promise<boolean> {
  if (signal.aborted) return false;
  const client = new (discreetClient())(config);
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
