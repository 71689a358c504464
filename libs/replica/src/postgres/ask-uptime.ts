import pg from 'pg';
import { codeOf, isSilentLoss } from './postgres-errors.js';

/**
 * No row, or one with one number: for how many milliseconds the server has been running without a crash. A server that has
 * recovered from the crash of one of its processes goes on with the same start time, but has lost its statistics: those of the
 * background writer tell since when they are counted. (`pg_stat_reset_shared` looks like a crash, which errs on the safe side.)
 * Any role may ask. https://www.postgresql.org/docs/current/monitoring-stats.html
 */
const UPTIME_SQL = `SELECT extract(epoch FROM clock_timestamp() - greatest(pg_postmaster_start_time(), since)) * 1000 AS uptime_ms
  FROM (SELECT pg_stat_get_bgwriter_stat_reset_time() AS since) counted WHERE since IS NOT NULL`;

/** How long an answer may take; milliseconds. */
const TIMEOUT_MS = 2_000;
/** Somebody may be ending connections on purpose: so often, and with such a pause in milliseconds, it is asked. */
const TRIES = 3;
const PAUSE_MS = 50;

/** Milliseconds; `gone`: nothing listens at the server's address; `unknown`: it does not tell. */
export type Uptime = number | 'gone' | 'unknown';

/**
 * For how many milliseconds a server has run without a crash, asked on a new connection. Never rejects.
 */
export async function askUptime(config: pg.ClientConfig): Promise<Uptime> {
  for (let left = TRIES - 1; ; left--) {
    const uptime = await askOnce(config);
    if (uptime !== 'lost') return uptime;
    if (left === 0) return 'unknown';
    await new Promise((resolve) => setTimeout(resolve, PAUSE_MS));
  }
}

async function askOnce(config: pg.ClientConfig): Promise<Uptime | 'lost'> {
  const limits = { connectionTimeoutMillis: TIMEOUT_MS, query_timeout: TIMEOUT_MS };
  const client = new pg.Client({ ...config, ...limits });
  client.on('error', () => undefined);
  try {
    await client.connect();
    const { rows } = await client.query<{ uptime_ms: string }>(UPTIME_SQL);
    return rows[0] === undefined ? 'unknown' : Number(rows[0].uptime_ms);
  } catch (error) {
    if (codeOf(error) === 'ECONNREFUSED') return 'gone';
    return codeOf(error) === '57P01' || isSilentLoss(error) ? 'lost' : 'unknown';
  } finally {
    client.end().catch(() => undefined);
  }
}
