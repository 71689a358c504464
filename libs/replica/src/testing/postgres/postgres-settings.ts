import { SettingValue } from '../cluster-options.js';

/** Parameters by name. */
export type PostgresSettings = Readonly<Record<string, SettingValue>>;

/**
 * The settings of every node, before the user's own. Data need not survive a power cut (`fsync` off). A replica that lost its
 * primary asks again after 100 ms instead of 5 s. Primaries keep enough WAL for a stopped replica to go on. Crashed nodes
 * leave nothing in /dev/shm.
 */
export const BASE_SETTINGS: PostgresSettings = Object.freeze({
  wal_level: 'replica',
  hot_standby: true,
  max_wal_senders: 24,
  wal_keep_size: '512MB',
  wal_retrieve_retry_interval: '100ms',
  fsync: false,
  dynamic_shared_memory_type: 'mmap',
  log_line_prefix: '%m [%p] %q%a ',
});

/** The settings as lines of postgresql.conf, each value quoted. */
export function formatSettings(settings: PostgresSettings): string {
  return Object.entries(settings)
    .map(([name, value]) => `${name} = ${quoteSetting(value)}\n`)
    .join('');
}

function quoteSetting(value: SettingValue): string {
  if (typeof value === 'boolean') return value ? 'on' : 'off';
  return `'${String(value).replaceAll('\\', '\\\\').replaceAll("'", "''")}'`;
}
