import { ClusterOptionRules, SettingValue } from '../cluster-options.js';

/** Parameters by name. */
export type MariadbSettings = Readonly<Record<string, SettingValue>>;

/**
 * The settings of every node, before the user's own. Data need not survive a power cut (`debug_no_sync`), only the end of a process.
 * A replica notices after 5 s that its primary has fallen silent.
 */
export const BASE_SETTINGS: MariadbSettings = Object.freeze({
  skip_name_resolve: true,
  character_set_server: 'utf8mb4',
  log_bin: 'binlog',
  relay_log: 'relaylog',
  binlog_format: 'ROW',
  log_slave_updates: true,
  gtid_strict_mode: true,
  slave_net_timeout: 5,
  max_connections: 300,
  debug_no_sync: true,
  sync_binlog: 0,
  innodb_flush_log_at_trx_commit: 2,
  innodb_buffer_pool_size: '64M',
  innodb_log_file_size: '16M',
});

/** Parameters that the cluster sets itself, or that would make its nodes unreachable. */
const OWNED_SETTINGS = new Set([
  'bind_address',
  'datadir',
  'general_log_file',
  'init_file',
  'log_bin',
  'log_error',
  'pid_file',
  'port',
  'read_only',
  'relay_log',
  'report_host',
  'report_port',
  'server_id',
  'skip_networking',
  'socket',
  'tmpdir',
  'user',
]);

export const MARIADB_OPTION_RULES: ClusterOptionRules = {
  taker: 'startMariadbCluster',
  image: 'mariadb:11.4',
  imageVariable: 'MARIADB_IMAGE',
  expectedSetting(name) {
    if (!/^[a-z][a-z0-9_-]*(\.[a-z0-9_-]+)?$/i.test(name)) return 'the name of a parameter';
    const isOwned = OWNED_SETTINGS.has(name.toLowerCase().replaceAll('-', '_'));
    return isOwned ? 'to be left to the cluster, which sets it' : undefined;
  },
};

/** The settings as arguments of `mariadbd`. */
export function formatArguments(settings: MariadbSettings): string[] {
  return Object.entries(settings).map(
    ([name, value]) => `--${name.replaceAll('_', '-')}=${typeof value === 'boolean' ? Number(value) : value}`,
  );
}
