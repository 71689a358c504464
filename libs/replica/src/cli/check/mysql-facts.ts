import type { Query } from '../node-connection.js';
import { leastLimit, type MissingRight, type NodeFacts } from './node-facts.js';

/** Gives one row. Needs no privilege. */
const FACTS_SQL = `/* nestjs-replica: check */ SELECT VERSION() AS version, UNIX_TIMESTAMP(NOW(6)) * 1000 AS now_ms,
  @@global.max_connections AS max_connections, @@global.max_user_connections AS user_limit,
  @@global.read_only AS read_only, @@global.log_bin AS log_bin, @@global.sync_binlog AS sync_binlog,
  @@global.innodb_flush_log_at_trx_commit AS innodb_flush_log_at_trx_commit`;

/** Gives `Variable_name` and `Value`: the connections that are open, and whether commits wait for replicas. Needs no privilege. */
const STATUS_SQL = `SHOW GLOBAL STATUS WHERE Variable_name IN ('Threads_connected', 'Rpl_semi_sync_slave_status',
  'Rpl_semi_sync_replica_status', 'Rpl_semi_sync_master_status', 'Rpl_semi_sync_source_status')`;

/** Needs REPLICA MONITOR (MariaDB) or REPLICATION CLIENT (MySQL). */
const REPLICA_SQL = 'SHOW REPLICA STATUS';

const SETTINGS = ['read_only', 'log_bin', 'sync_binlog', 'innodb_flush_log_at_trx_commit'];

/** The server refuses: access denied. */
const DENIED = 1227;

type Row = Readonly<Record<string, unknown>>;

export async function readMysqlFacts(query: Query, role: 'primary' | 'replica'): Promise<NodeFacts> {
  const [row = {}] = await query(FACTS_SQL);
  const status = new Map(
    (await query(STATUS_SQL)).map((one) => [String(one['Variable_name']), one['Value']]),
  );
  const replica = role === 'replica' ? await replicaStatus(query) : {};
  const limits = leastLimit([
    ['max_connections', row['max_connections']],
    ['max_user_connections', row['user_limit']],
  ]);
  const behind = replica?.['Seconds_Behind_Source'] ?? replica?.['Seconds_Behind_Master'];
  return {
    version: String(row['version']),
    nowMs: Number(row['now_ms']),
    replayedAtMs: null,
    ownLagMs: behind === null || behind === undefined ? null : Number(behind) * 1_000,
    pausedUntil: null,
    replayWaitsFor: null,
    lockHolder: null,
    syncState: role === 'replica' ? syncStateOf(status) : null,
    connections: { used: Number(status.get('Threads_connected') ?? 0), ...limits },
    missingRights: replica === undefined ? [missingRight(String(row['version']))] : [],
    settings: Object.fromEntries(SETTINGS.map((name) => [name, String(row[name])])),
    hints: [],
    followers: [],
    names: [],
    host: null,
  };
}

/** `undefined`: the user may not know. */
async function replicaStatus(query: Query): Promise<Row | undefined> {
  try {
    const [row = {}] = await query(REPLICA_SQL);
    return row;
  } catch (error) {
    if ((error as { errno?: unknown }).errno === DENIED) return undefined;
    throw error;
  }
}

function missingRight(version: string): MissingRight {
  const right = /mariadb/i.test(version) ? 'REPLICA MONITOR' : 'REPLICATION CLIENT';
  return {
    effect: 'what the replica receives and replays is not visible',
    remedy: `GRANT ${right} ON *.* TO the user of this command`,
  };
}

function syncStateOf(status: ReadonlyMap<string, unknown>): string {
  const isWaitedFor = ['Rpl_semi_sync_slave_status', 'Rpl_semi_sync_replica_status'].some(
    (name) => status.get(name) === 'ON',
  );
  return isWaitedFor ? 'semi-sync' : 'async';
}
