import type { Position } from '../session/position.js';
import type { ProbeResult } from '../topology/node-probe.js';
import { parseLsn } from './positions.js';

/**
 * What Aurora PostgreSQL tells of the instance that answers, in one row:
 *
 * - `in_recovery`, `started`: as in the probe of other servers
 * - `is_writer`: whether the row is that of the writer; NULL if there is no row for this instance
 * - `durable`: of the writer, the LSN that is durable in storage now; of a reader, the one up to which it has applied the writer's
 * - `read`: the LSN of the snapshot in which a reader reads
 * - `lag_ms`: how far a reader is behind the writer
 * - `told_ms`: how old the row is; NULL if it is told at this moment, as Aurora 13.9 and later do for the instance that answers
 *
 * Aurora's readers share the writer's storage and replay nothing, so they have none of PostgreSQL's own positions. The manual does not
 * name the privileges that it needs.
 * https://docs.aws.amazon.com/AmazonRDS/latest/AuroraUserGuide/aurora_replica_status.html
 */
export const AURORA_SQL = `/* nestjs-replica: aurora */ SELECT pg_catalog.pg_is_in_recovery() AS in_recovery,
  extract(epoch FROM pg_catalog.pg_postmaster_start_time())::text AS started,
  s.session_id::text = 'MASTER_SESSION_ID' AS is_writer, s.durable_lsn::text AS durable, s.current_read_lsn::text AS read,
  s.replica_lag_in_msec::float8 AS lag_ms,
  extract(epoch FROM pg_catalog.clock_timestamp() - s.last_update_timestamp)::float8 * 1000 AS told_ms
  FROM (SELECT 1) AS one
  LEFT JOIN pg_catalog.aurora_replica_status() AS s ON s.server_id::text = pg_catalog.aurora_db_instance_identifier()::text`;

/** Gives one row: `aurora`, whether this is Aurora PostgreSQL. Needs no privilege. */
export const AURORA_VERSION_SQL = `/* nestjs-replica: aurora */ SELECT pg_catalog.to_regprocedure('pg_catalog.aurora_version()') IS NOT NULL AS aurora`;

export interface AuroraRow {
  readonly in_recovery: boolean;
  readonly started: string;
  readonly is_writer: boolean | null;
  readonly durable: string | null;
  readonly read: string | null;
  readonly lag_ms: number | null;
  readonly told_ms: number | null;
}

/** What operators read in place of what a WAL receiver does. */
const POSITIONED = 'aurora';
const UNPOSITIONED = 'aurora without positions: sessions that wrote stay on the primary for a time';

/**
 * Judges what an instance tells. Everything that is not as Aurora's manual says counts against it:
 *
 * - Without one row that fits its role, or a reader without a lag, it serves nobody: throws an `Error`.
 * - Without a position that can be relied on, it serves by its age alone, and sessions that wrote stay on the primary for a time.
 */
export function readAurora(rows: readonly AuroraRow[]): ProbeResult {
  const [row] = rows;
  if (row === undefined || rows.length > 1 || row.is_writer === null)
    throw notAsAssumed(
      `${row?.is_writer === null ? 'no row' : `${rows.length} rows`} for the instance that answers`,
    );
  if (row.is_writer === row.in_recovery)
    throw notAsAssumed(
      row.is_writer
        ? 'it names a server in recovery as the writer'
        : 'it names a server that accepts writes as a reader',
    );
  return row.is_writer ? writerOf(row) : readerOf(row);
}

/** An old row of the writer may lack the last writes, so it tells no position. */
function writerOf({ durable, told_ms: toldMs }: AuroraRow): ProbeResult {
  const position = toldMs === null ? lsnOf(durable) : undefined;
  return { isReadOnly: false, position, epoch: undefined, minLagMs: 0 };
}

/**
 * Where rows are old, the writer tells no position that counts, so that of a reader is worth nothing either: without both, nobody could tell
 * how old the reader's data is by positions. It serves by its age.
 */
function readerOf({ durable, read, lag_ms: lagMs, told_ms: toldMs }: AuroraRow): ProbeResult {
  if (lagMs === null || !(lagMs >= 0)) throw notAsAssumed('no lag of this reader');
  const [applied, shown] = [lsnOf(durable), lsnOf(read)];
  // Both have to have it, because the manual says of neither that a read sees all that was committed by then.
  const isKnown = toldMs === null && applied !== undefined && shown !== undefined;
  const position = isKnown ? (applied < shown ? applied : shown) : undefined;
  return {
    isReadOnly: true,
    position,
    epoch: undefined,
    minLagMs: lagMs + Math.max(0, toldMs ?? 0),
    receiver: position === undefined ? UNPOSITIONED : POSITIONED,
  };
}

/** The manual does not say how LSNs are written; `undefined`: this is none. */
function lsnOf(text: string | null): Position | undefined {
  if (text === null) return undefined;
  if (/^[1-9]\d{0,19}$/.test(text)) return BigInt(text);
  return /^[0-9A-F]{1,8}\/[0-9A-F]{1,8}$/i.test(text) ? parseLsn(text) : undefined;
}

function notAsAssumed(what: string): Error {
  return new Error(`Aurora's aurora_replica_status() does not tell what its manual says: ${what}`);
}
