import type { DatabaseNode } from 'nestjs-replica/testing';

/** What the emulation does wrong on purpose. */
export interface AuroraDefects {
  /** SQL for `last_update_timestamp` of the instance that answers; default NULL. */
  readonly told?: string;
  /** SQL for `server_id` of its row; default its own identifier. */
  readonly serverId?: string;
  /** SQL for `server_id` of the row of another instance. */
  readonly otherId?: string;
  /** SQL for `replica_lag_in_msec` of a reader. */
  readonly lag?: string;
}

/** What Aurora refuses. Whoever asks for it all the same gets an error. */
const REFUSED = [
  'pg_last_wal_replay_lsn()',
  'pg_last_wal_receive_lsn()',
  'pg_current_wal_lsn()',
  'pg_current_wal_insert_lsn()',
  'pg_current_wal_flush_lsn()',
  'pg_walfile_name(pg_lsn)',
  'pg_last_xact_replay_timestamp()',
  'pg_is_wal_replay_paused()',
];

/** The user for whom the cluster is Aurora. */
export const AURORA_USER = 'aurora_app';

/**
 * Functions of the names and columns that Aurora's manual tells, over streaming replication. A reader's LSN is what it has replayed.
 * Nobody has compared this with a real Aurora.
 */
const functionsSql = ({
  told = 'NULL',
  otherId = `'instance-other'`,
  serverId = 'pg_catalog.aurora_db_instance_identifier()',
  lag = `CASE WHEN pg_last_wal_receive_lsn() = pg_last_wal_replay_lsn() THEN 0
    ELSE extract(epoch FROM clock_timestamp() - pg_last_xact_replay_timestamp()) * 1000 END`,
}: AuroraDefects): string => `
  CREATE OR REPLACE FUNCTION pg_catalog.aurora_version() RETURNS text LANGUAGE sql STABLE AS $$ SELECT '16.4.1' $$;
  CREATE OR REPLACE FUNCTION pg_catalog.aurora_db_instance_identifier() RETURNS text LANGUAGE sql STABLE
    AS $$ SELECT 'instance-' || current_setting('port') $$;
  CREATE OR REPLACE FUNCTION pg_catalog.aurora_replica_status() RETURNS TABLE (server_id text, session_id text,
    durable_lsn bigint, highest_lsn_rcvd bigint, current_read_lsn bigint, replica_lag_in_msec double precision,
    last_update_timestamp timestamptz) LANGUAGE sql STABLE SECURITY DEFINER AS $$
      SELECT ${serverId}, CASE WHEN pg_is_in_recovery() THEN md5(current_setting('port')) ELSE 'MASTER_SESSION_ID' END,
        lsn, lsn, lsn, (CASE WHEN pg_is_in_recovery() THEN ${lag} END)::float8, (${told})::timestamptz
      FROM (SELECT (CASE WHEN pg_is_in_recovery() THEN pg_last_wal_replay_lsn() ELSE pg_current_wal_flush_lsn() END
        - '0/0'::pg_lsn)::bigint AS lsn) AS here
      UNION ALL SELECT ${otherId}, 'another', 1, 1, 1, 86400000, now() - interval '1 day' $$`;

/** Makes the cluster of this primary an Aurora as far as {@link AURORA_USER} can see. */
export async function emulateAurora(primary: DatabaseNode): Promise<void> {
  await primary.query(`${functionsSql({})};
    CREATE ROLE ${AURORA_USER} LOGIN PASSWORD 'aurora';
    GRANT pg_read_all_data, pg_write_all_data TO ${AURORA_USER};
    ${REFUSED.map((name) => `REVOKE EXECUTE ON FUNCTION pg_catalog.${name} FROM PUBLIC`).join(';\n')}`);
}

/** From now on the emulation has these defects and no others. */
export async function changeAurora(primary: DatabaseNode, defects: AuroraDefects): Promise<void> {
  await primary.query(functionsSql(defects));
}

/** The URL of a node for {@link AURORA_USER}. */
export function auroraUrl({ url }: Pick<DatabaseNode, 'url'>): string {
  const parsed = new URL(url);
  parsed.username = AURORA_USER;
  parsed.password = 'aurora';
  return parsed.href;
}
