import { AURORA_VERSION_SQL } from '../../postgres/aurora-status.js';
import type { Query } from '../node-connection.js';
import {
  leastLimit,
  type BlockingReader,
  type Follower,
  type LockHolder,
  type MissingRight,
  type NodeFacts,
} from './node-facts.js';

/** Settings that decide how reads of a standby fare, and how commits wait. */
const SETTINGS = [
  'hot_standby_feedback',
  'max_standby_streaming_delay',
  'recovery_min_apply_delay',
  'synchronous_commit',
  'synchronous_standby_names',
  'wal_level',
];

/**
 * Gives one row. Needs no privilege; `slot` and `application_name` are NULL without `pg_read_all_stats`. Aurora refuses functions of
 * recovery, because its readers replay nothing.
 * https://www.postgresql.org/docs/current/functions-admin.html#FUNCTIONS-RECOVERY-CONTROL
 */
const factsSql = (
  isAurora: boolean,
): string => `SELECT /* nestjs-replica: check */ current_setting('server_version') AS version,
  extract(epoch FROM clock_timestamp())::float8 * 1000 AS now_ms,
  ${isAurora ? 'NULL' : 'extract(epoch FROM pg_last_xact_replay_timestamp())'}::float8 * 1000 AS replayed_at_ms,
  ${isAurora ? 'false' : 'CASE WHEN pg_is_in_recovery() THEN pg_is_wal_replay_paused() ELSE false END'} AS is_paused,
  (SELECT sum(numbackends)::float8 FROM pg_stat_database) AS used,
  current_setting('max_connections')::int - current_setting('superuser_reserved_connections')::int
    - coalesce(current_setting('reserved_connections', true), '0')::int AS max_connections,
  (SELECT rolconnlimit FROM pg_roles WHERE rolname = current_user) AS role_limit,
  (SELECT datconnlimit FROM pg_database WHERE datname = current_database()) AS database_limit,
  pg_has_role('pg_read_all_stats', 'USAGE') AS sees_all,
  has_function_privilege('pg_catalog.pg_control_system()', 'EXECUTE') AS may_identify,
  current_setting('cluster_name') AS cluster_name, host(inet_server_addr()) AS own_host,
  (SELECT json_object_agg(name, current_setting(name))::text FROM pg_settings
    WHERE name IN (${SETTINGS.map((name) => `'${name}'`).join(', ')})) AS settings,
  w.slot_name AS slot, substring(w.conninfo from 'application_name=''?([^'' ]+)') AS application_name
  FROM (SELECT 1) AS one LEFT JOIN pg_stat_wal_receiver AS w ON true`;

/**
 * Gives a row if the replay waits: the oldest transaction that it may wait for. Without `pg_read_all_stats` there is none. Replay waits for
 * snapshots that need what it would remove, for locks, and for pages that somebody holds.
 * https://www.postgresql.org/docs/current/hot-standby.html#HOT-STANDBY-CONFLICT
 */
const BLOCKING_READER_SQL = `SELECT /* nestjs-replica: check */ reader.pid,
  extract(epoch FROM clock_timestamp() - reader.xact_start)::float8 * 1000 AS open_ms
  FROM pg_stat_activity AS replay, pg_stat_activity AS reader
  WHERE replay.backend_type = 'startup' AND reader.backend_type = 'client backend' AND reader.pid <> pg_backend_pid()
  AND CASE WHEN replay.wait_event_type = 'Lock' THEN reader.pid = ANY (pg_blocking_pids(replay.pid))
    ELSE replay.wait_event IN ('RecoveryConflictSnapshot', 'RecoveryConflictTablespace', 'BufferPin', 'BufferCleanup') END
  ORDER BY reader.xact_start LIMIT 1`;

/**
 * Gives a row if connections wait for locks: the transaction for which most of them wait, and which waits for no lock itself. Without
 * `pg_read_all_stats` there is none.
 */
const LOCK_HOLDER_SQL = `SELECT /* nestjs-replica: check */ holder.pid, holder.state, count(*)::int AS waiting,
  extract(epoch FROM clock_timestamp() - holder.xact_start)::float8 * 1000 AS open_ms
  FROM pg_stat_activity AS waiter JOIN pg_stat_activity AS holder ON holder.pid = ANY (pg_blocking_pids(waiter.pid))
  WHERE waiter.wait_event_type = 'Lock' AND holder.wait_event_type IS DISTINCT FROM 'Lock' AND holder.xact_start IS NOT NULL
  GROUP BY holder.pid, holder.state, holder.xact_start ORDER BY waiting DESC, open_ms DESC LIMIT 1`;

/** Gives a row for each standby that is connected. Without `pg_read_all_stats` all but `application_name` is NULL. */
const FOLLOWERS_SQL = `SELECT /* nestjs-replica: check */ r.application_name, s.slot_name AS slot, host(r.client_addr) AS host,
  r.state, r.sync_state
  FROM pg_stat_replication r LEFT JOIN pg_replication_slots s ON s.active_pid = r.pid`;

type Row = Readonly<Record<string, unknown>>;

export async function readPostgresFacts(query: Query, role: 'primary' | 'replica'): Promise<NodeFacts> {
  const [version] = await query(AURORA_VERSION_SQL);
  const isAurora = version?.['aurora'] === true;
  const [row = {}] = await query(factsSql(isAurora));
  const settings = JSON.parse(textOf(row['settings']) ?? '{}') as Record<string, string>;
  const limits = leastLimit([
    ['max_connections, less those reserved for administrators', row['max_connections']],
    ['the connection limit of the user', row['role_limit']],
    ['the connection limit of the database', row['database_limit']],
  ]);
  return {
    version: String(row['version']),
    nowMs: Number(row['now_ms']),
    replayedAtMs: row['replayed_at_ms'] === null ? null : Number(row['replayed_at_ms']),
    ownLagMs: null,
    pausedUntil: row['is_paused'] === true ? 'SELECT pg_wal_replay_resume()' : null,
    replayWaitsFor: role === 'replica' && !isAurora ? blockingReader(await query(BLOCKING_READER_SQL)) : null,
    lockHolder: role === 'primary' ? lockHolder(await query(LOCK_HOLDER_SQL)) : null,
    syncState: null,
    connections: { used: Number(row['used']), ...limits },
    missingRights: missingRights(row, role),
    settings,
    hints: role === 'replica' ? hintsOfStandby(settings) : [],
    followers: role === 'primary' ? (await query(FOLLOWERS_SQL)).map(followerOf) : [],
    names: namesIn(row, ['slot', 'application_name', 'cluster_name']),
    host: textOf(row['own_host']),
  };
}

function blockingReader([row]: readonly Row[]): BlockingReader | null {
  return row === undefined ? null : { pid: Number(row['pid']), openMs: Number(row['open_ms']) };
}

function lockHolder([row]: readonly Row[]): LockHolder | null {
  if (row === undefined) return null;
  const { pid, open_ms: openMs, state, waiting } = row;
  return { pid: Number(pid), openMs: Number(openMs), state: String(state), waiting: Number(waiting) };
}

function missingRights(row: Row, role: 'primary' | 'replica'): readonly MissingRight[] {
  const missing: MissingRight[] = [];
  if (row['sees_all'] !== true)
    missing.push({
      effect:
        role === 'primary'
          ? 'state and sync_state of the standbys are not visible'
          : 'what the replica receives is not visible',
      remedy: 'GRANT pg_monitor TO the user of this command',
    });
  if (row['may_identify'] !== true)
    missing.push({
      effect: 'a server of another cluster could not be told from this one',
      remedy: 'GRANT EXECUTE ON FUNCTION pg_control_system() TO the user of each node',
    });
  return missing;
}

function hintsOfStandby(settings: Readonly<Record<string, string>>): readonly string[] {
  const hints: string[] = [];
  if (settings['hot_standby_feedback'] === 'off')
    hints.push(
      `hot_standby_feedback is off: a read that takes longer than max_standby_streaming_delay (${settings['max_standby_streaming_delay']}) may be cancelled by what the primary vacuums`,
    );
  const delay = settings['recovery_min_apply_delay'];
  if (delay !== undefined && delay !== '0')
    hints.push(`recovery_min_apply_delay is ${delay}: the replica lags at least so much, on purpose`);
  return hints;
}

function followerOf(row: Row): Follower {
  return {
    names: namesIn(row, ['slot', 'application_name']),
    host: textOf(row['host']),
    state: textOf(row['state']),
    syncState: textOf(row['sync_state']),
  };
}

function namesIn(row: Row, columns: readonly string[]): readonly string[] {
  return columns.map((column) => textOf(row[column])).filter((name) => name !== null);
}

function textOf(value: unknown): string | null {
  return typeof value === 'string' && value !== '' ? value : null;
}
