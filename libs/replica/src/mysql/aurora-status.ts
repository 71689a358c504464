import type { MysqlConnection } from './connection.js';
import { MARIADB } from './flavor.js';
import {
  isOn,
  type GtidCluster,
  type ServerAnswer,
  type ServerReport,
  type SwitchValue,
} from './gtid-cluster.js';

/** Gives a row if this is Aurora MySQL, and none otherwise, as AWS's own drivers ask. Needs no privilege. */
export const AURORA_VERSION_SQL = `/* nestjs-replica: aurora */ SHOW VARIABLES LIKE 'aurora_version'`;

/**
 * Gives one row, of what Aurora MySQL tells of the instance that answers:
 *
 * - `innodb_read_only`: whether it is a reader. `read_only` is set by whoever lets the whole cluster follow another one
 * - `told`: how many rows there are for this instance
 * - `is_writer`: whether the row is that of the writer
 * - `lag_ms`: how far a reader is behind the writer; milliseconds
 * - `told_ms`: how old the row is; milliseconds. AWS's own drivers compare it with NOW(), too
 *
 * The manual does not name the privileges that it needs.
 * https://docs.aws.amazon.com/AmazonRDS/latest/AuroraUserGuide/AuroraMySQL.Reference.ISTables.html
 */
export const AURORA_SQL = `/* nestjs-replica: aurora */ SELECT @@global.innodb_read_only AS innodb_read_only,
  @@global.read_only AS read_only, own.told, own.is_writer, own.lag_ms, own.told_ms
  FROM (SELECT COUNT(*) AS told, MAX(SESSION_ID = 'MASTER_SESSION_ID') AS is_writer, MAX(REPLICA_LAG_IN_MILLISECONDS) AS lag_ms,
    MAX(TIMESTAMPDIFF(MICROSECOND, LAST_UPDATE_TIMESTAMP, NOW(6))) / 1000 AS told_ms
    FROM information_schema.replica_host_status WHERE SERVER_ID = @@aurora_server_id) AS own`;

/** A number. Depending on the settings, it comes as a text. */
type Figure = number | string | null;

export interface AuroraRow {
  readonly innodb_read_only: SwitchValue;
  readonly read_only: SwitchValue;
  readonly told: Figure;
  readonly is_writer: Figure;
  readonly lag_ms: Figure;
  readonly told_ms: Figure;
}

/** What operators read in place of what threads do. */
const UNPOSITIONED = 'aurora without positions: sessions that wrote stay on the primary for a time';
const FOLLOWS =
  'it is the writer of a cluster that follows another one (read_only is on), and Aurora does not tell how far that is behind';
/** How far the clocks of two instances may differ; milliseconds. */
const CLOCK_SLACK_MS = 60_000;

/** Whether a new connection leads to Aurora MySQL. Costs one round trip on MySQL. Rejects if the connection is lost. */
export async function isAurora(connection: MysqlConnection): Promise<boolean> {
  return connection.flavor !== MARIADB && (await connection.rows(AURORA_VERSION_SQL)).length > 0;
}

/**
 * A cluster of Aurora MySQL. Its readers share the writer's storage and replay nothing, so no position of theirs says what they show: not
 * even GTIDs, which only the writer gives out. Readers serve by their age, and sessions that wrote stay on the primary for a time.
 */
export class AuroraCluster implements GtidCluster {
  readonly probeSql = AURORA_SQL;

  read({ row }: Pick<ServerAnswer, 'row'>): Promise<ServerReport> {
    return Promise.resolve().then(() => readAurora(row as unknown as AuroraRow));
  }

  waitSql(): undefined {
    return undefined;
  }

  lost(): void {
    // Nothing is remembered of any server.
  }

  positionOfWrite(): undefined {
    return undefined;
  }
}

/** Judges what an instance tells. Throws an `Error` if it is not what Aurora's manual says: the instance then serves nobody. */
export function readAurora(row: AuroraRow): ServerReport {
  const isReader = isOn(row.innodb_read_only);
  if (Number(row.told) !== 1) throw notAsAssumed(`${row.told ?? 'no'} rows for the instance that answers`);
  if ((Number(row.is_writer) === 1) === isReader)
    throw notAsAssumed(
      isReader
        ? 'it names a read-only server as the writer'
        : 'it names a server that accepts writes as a reader',
    );
  const unknown = { position: undefined, epoch: undefined };
  if (isReader)
    return { result: { ...unknown, isReadOnly: true, minLagMs: lagOf(row), receiver: UNPOSITIONED } };
  return isOn(row.read_only)
    ? { result: { ...unknown, isReadOnly: true }, untold: FOLLOWS }
    : { result: { ...unknown, isReadOnly: false, minLagMs: 0 } };
}

/** A reader that falls behind tells an old row, says the manual. It cannot be older than its lag was then, and what has passed since. */
function lagOf({ lag_ms: lag, told_ms: told }: AuroraRow): number {
  const [lagMs, toldMs] = [figureOf(lag), figureOf(told)];
  if (!(lagMs >= 0)) throw notAsAssumed('no lag of this reader');
  if (!(toldMs >= -CLOCK_SLACK_MS))
    throw notAsAssumed('no time of what it tells, or one that is yet to come');
  return lagMs + Math.max(0, toldMs);
}

function figureOf(value: Figure): number {
  return value === null ? Number.NaN : Number(value);
}

function notAsAssumed(what: string): Error {
  return new Error(`Aurora's replica_host_status does not tell what its manual says: ${what}`);
}
