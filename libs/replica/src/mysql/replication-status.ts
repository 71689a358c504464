import type { MysqlConnection } from './connection.js';
import type { ReplicationStatus } from './gtid-cluster.js';

/** Needs the privilege REPLICA MONITOR (MariaDB; SLAVE MONITOR before 10.6) or REPLICATION CLIENT (MySQL). One row for each source. */
const STATUS_SQL = '/* nestjs-replica: probe */ SHOW REPLICA STATUS';

type StatusRow = Readonly<Record<string, string | number | null | undefined>>;

/** The server refuses: access denied (1227), or a version that only knows the statement under its older name (1064). */
const REFUSALS: readonly unknown[] = [1227, 1064];

/** Connections whose user may not ask. */
const refused = new WeakSet<MysqlConnection>();

/** Asks a server how it replicates; `undefined`: the user may not know. Rejects if the connection is lost. */
export async function askReplication(connection: MysqlConnection): Promise<ReplicationStatus | undefined> {
  if (refused.has(connection)) return undefined;
  let rows: readonly StatusRow[];
  try {
    rows = (await connection.rows(STATUS_SQL)) as readonly StatusRow[];
  } catch (error) {
    if (!REFUSALS.includes((error as { errno?: unknown }).errno)) throw error;
    refused.add(connection);
    return undefined;
  }
  return readStatus(rows);
}

/** MySQL and MariaDB call the same things by different names. */
function readStatus(rows: readonly StatusRow[]): ReplicationStatus {
  const [row = {}] = rows;
  const text = (...names: readonly string[]): string | undefined => {
    const value = names
      .map((name) => row[name])
      .find((one) => one !== undefined && one !== null && one !== '');
    return value === undefined ? undefined : String(value);
  };
  const receives = text('Replica_IO_Running', 'Slave_IO_Running');
  const replays = text('Replica_SQL_Running', 'Slave_SQL_Running');
  const host = text('Source_Host', 'Master_Host');
  const isReceiving = rows.length === 1 && receives === 'Yes' && replays === 'Yes';
  return {
    isReplica: rows.length > 0,
    receiver: rows.length === 0 ? 'none' : `receives: ${receives ?? '?'}, replays: ${replays ?? '?'}`,
    source: isReceiving ? text('Source_UUID', 'Master_Server_Id') : undefined,
    sender:
      isReceiving && host !== undefined ? `${host}:${text('Source_Port', 'Master_Port') ?? ''}` : undefined,
  };
}
