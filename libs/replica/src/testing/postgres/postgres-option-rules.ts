import { ClusterOptionRules, SettingValue } from '../cluster-options.js';

/** Parameters that the cluster sets itself, or that would make its nodes unreachable. */
const OWNED_SETTINGS = new Set([
  'port',
  'listen_addresses',
  'unix_socket_directories',
  'primary_conninfo',
  'primary_slot_name',
  'cluster_name',
  'data_directory',
  'config_file',
  'hba_file',
  'ident_file',
  'external_pid_file',
  'logging_collector',
  'log_destination',
]);

/** A replica refuses to start with less than the values that `initdb` wrote down, which are these. */
const MINIMUMS: ReadonlyMap<string, number> = new Map([
  ['max_connections', 100],
  ['max_worker_processes', 8],
  ['max_wal_senders', 10],
  ['max_locks_per_transaction', 64],
]);

export const POSTGRES_OPTION_RULES: ClusterOptionRules = {
  taker: 'startPostgresCluster',
  image: 'postgres:17',
  imageVariable: 'POSTGRES_IMAGE',
  expectedSetting,
};

function expectedSetting(name: string, value: SettingValue): string | undefined {
  if (!/^[a-z_][a-z0-9_]*(\.[a-z_][a-z0-9_]*)?$/i.test(name)) return 'the name of a parameter';
  if (OWNED_SETTINGS.has(name.toLowerCase())) return 'to be left to the cluster, which sets it';
  const minimum = MINIMUMS.get(name.toLowerCase());
  return minimum === undefined || Number(value) >= minimum
    ? undefined
    : `at least ${minimum}, as replicas need`;
}
