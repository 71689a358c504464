import { ServerEndpoint } from '../node-server.js';
import { ReplayProgress, RunQuery, StreamState } from '../replication.js';
import { despiteConflicts } from './postgres-connection.js';
import { endOfLastRecord, formatWalPosition, parseWalPosition } from './wal-position.js';

/**
 * One row: `lsn` (pg_lsn as text), where the next WAL record goes; `segment` (bytes of a WAL segment file, as text). Needs no
 * privilege. Fails on a replica.
 */
const WRITTEN_SQL = `
SELECT pg_current_wal_insert_lsn()::text AS lsn, pg_size_bytes(current_setting('wal_segment_size'))::text AS segment`;

/**
 * One row: `lsn` (pg_lsn as text) of the last replayed record; `replays`: false for a primary, and for a replica that is paused
 * or about to be. Needs no privilege, but PostgreSQL 14 or later.
 */
const REPLAYED_SQL = `
SELECT coalesce(pg_last_wal_replay_lsn(), '0/0')::text AS lsn,
       CASE WHEN pg_is_in_recovery() THEN pg_get_wal_replay_pause_state() = 'not paused' ELSE false END AS replays`;

/** One row: `state` of replay: `not paused`, `pause requested` or `paused`. Needs no privilege. Fails on a primary. */
const PAUSE_STATE_SQL = 'SELECT pg_get_wal_replay_pause_state() AS state';

/**
 * One row: `timeline` (integer) on which the node writes, or which it receives; NULL for a replica that receives nothing;
 * `sends`: whether the replica that is named in the parameter has received all there was. Privilege: pg_read_all_stats.
 */
const UPSTREAM_SQL = `
SELECT CASE WHEN pg_is_in_recovery() THEN (SELECT received_tli FROM pg_stat_wal_receiver)
            ELSE ('x' || left(pg_walfile_name(pg_current_wal_insert_lsn()), 8))::bit(32)::int END AS timeline,
       EXISTS (SELECT FROM pg_stat_replication WHERE application_name = $1 AND state = 'streaming') AS sends`;

/**
 * A row if the replica streams: its `name`; `host` (text) and `port` (integer) of the sender, as in primary_conninfo; `timeline`
 * (integer) that it receives. Privilege: pg_read_all_stats.
 */
const RECEIVER_SQL = `
SELECT current_setting('cluster_name') AS name, sender_host AS host, sender_port AS port, received_tli AS timeline
FROM pg_stat_wal_receiver WHERE status = 'streaming'`;

/** How far a primary's history reaches, without the excess that an idle primary counts. */
export async function readWritten(query: RunQuery): Promise<string> {
  const [row] = await query<{ lsn: string; segment: string }>(WRITTEN_SQL);
  const end = endOfLastRecord(parseWalPosition(row?.lsn ?? '0/0'), BigInt(row?.segment ?? 1));
  return formatWalPosition(end);
}

export async function readReplayed(query: RunQuery, target: string): Promise<ReplayProgress> {
  const [row] = await despiteConflicts(() => query<{ lsn: string; replays: boolean }>(REPLAYED_SQL));
  const { lsn, replays } = row ?? { lsn: '0/0', replays: true };
  return { reached: lsn, isOver: !replays || parseWalPosition(lsn) >= parseWalPosition(target) };
}

/** Fails on a primary. */
export async function readPauseState(query: RunQuery): Promise<string | undefined> {
  const [row] = await despiteConflicts(() => query<{ state: string }>(PAUSE_STATE_SQL));
  return row?.state;
}

/** Whether a replica receives from the server at `endpoint`, on the timeline on which that server writes now. */
export async function readStreamState(
  replica: RunQuery,
  upstream: RunQuery,
  endpoint: ServerEndpoint,
): Promise<StreamState> {
  const [receiver] = await replica<{ name: string; host: string; port: number; timeline: number }>(
    RECEIVER_SQL,
  );
  if (receiver?.host !== endpoint.host || receiver.port !== endpoint.port) return 'not yet';
  const [source] = await upstream<{ timeline: number | null; sends: boolean }>(UPSTREAM_SQL, [receiver.name]);
  return source?.sends === true && receiver.timeline === source.timeline ? 'streaming' : 'not yet';
}
