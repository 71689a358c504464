import { RunQuery } from './node-connection.js';
import { ServerEndpoint } from './node-server.js';
import { endOfLastRecord, parseWalPosition } from './wal-position.js';

/**
 * One row: `lsn` (pg_lsn as text), where the next WAL record goes; `segment` (bytes of a WAL segment file, as text). Needs no
 * privilege. Fails on a replica.
 */
const WRITTEN_SQL = `
SELECT pg_current_wal_insert_lsn()::text AS lsn, pg_size_bytes(current_setting('wal_segment_size'))::text AS segment`;

/**
 * One row: `lsn` (pg_lsn as text) of the last replayed record; `state`: `primary`, `paused` (also if only requested) or
 * `replaying`. Needs no privilege, but PostgreSQL 14 or later.
 */
const REPLAYED_SQL = `
SELECT coalesce(pg_last_wal_replay_lsn(), '0/0')::text AS lsn,
       CASE WHEN NOT pg_is_in_recovery() THEN 'primary'
            WHEN pg_get_wal_replay_pause_state() = 'not paused' THEN 'replaying'
            ELSE 'paused' END AS state`;

/**
 * One row: `timeline` (integer) on which the node writes, or which it receives; NULL for a replica that receives nothing.
 * Privilege: pg_read_all_stats.
 */
const TIMELINE_SQL = `
SELECT CASE WHEN pg_is_in_recovery() THEN (SELECT received_tli FROM pg_stat_wal_receiver)
            ELSE ('x' || left(pg_walfile_name(pg_current_wal_insert_lsn()), 8))::bit(32)::int END AS timeline`;

/**
 * A row if the replica streams: `host` (text) and `port` (integer) of the sender, as in primary_conninfo; `timeline` (integer)
 * that it receives. Privilege: pg_read_all_stats.
 */
const RECEIVER_SQL = `
SELECT sender_host AS host, sender_port AS port, received_tli AS timeline FROM pg_stat_wal_receiver WHERE status = 'streaming'`;

/** How far a primary's history reaches, without the excess that an idle primary counts. */
export async function readWritten(query: RunQuery): Promise<bigint> {
  const [row] = await query<{ lsn: string; segment: string }>(WRITTEN_SQL);
  return endOfLastRecord(parseWalPosition(row?.lsn ?? '0/0'), BigInt(row?.segment ?? 1));
}

/** How far a replica has replayed, and whether it goes on. */
export async function readReplayed(
  query: RunQuery,
): Promise<{ position: bigint; lsn: string; state: 'primary' | 'paused' | 'replaying' }> {
  const [row] = await query<{ lsn: string; state: 'primary' | 'paused' | 'replaying' }>(REPLAYED_SQL);
  const { lsn, state } = row ?? { lsn: '0/0', state: 'replaying' as const };
  return { position: parseWalPosition(lsn), lsn, state };
}

/** Whether a replica receives from the server at `endpoint`, on the timeline on which that server writes now. */
export async function isStreamingFrom(
  replica: RunQuery,
  upstream: RunQuery,
  endpoint: ServerEndpoint,
): Promise<boolean> {
  const [receiver] = await replica<{ host: string; port: number; timeline: number }>(RECEIVER_SQL);
  if (receiver?.host !== endpoint.host || receiver.port !== endpoint.port) return false;
  const [source] = await upstream<{ timeline: number | null }>(TIMELINE_SQL);
  return receiver.timeline === source?.timeline;
}
