import path from 'node:path';
import { copyTree } from '../embedded/copy-tree.js';
import { writeOwned } from './init-data-folder.js';
import { Workplace } from '../embedded/workplace.js';
import { RunQuery } from '../replication.js';

/**
 * What a base backup leaves out, according to "Making a Base Backup Using the Low Level API" in PostgreSQL's manual. The WAL comes
 * from the upstream by streaming.
 */
const LEFT_OUT =
  /^(postmaster\.(pid|opts)|standby\.signal|recovery\.signal|backup_label|node\.conf|pg_internal\.init|(pg_wal|pg_replslot|pg_dynshmem|pg_notify|pg_serial|pg_snapshots|pg_stat_tmp|pg_subtrans)\/.*)$|(^|\/)pgsql_tmp|\/pg_internal\.init$/;

/**
 * Copies the files of a running server as a base backup.
 * @param copy.query a connection to the server, as superuser
 * @param copy.to must not exist
 */
export async function copyRunningServer(copy: {
  query: RunQuery;
  from: string;
  to: string;
  workplace: Workplace;
}): Promise<void> {
  const { query, from, to, workplace } = copy;
  const [row] = await query<{ version: number }>(
    `SELECT current_setting('server_version_num')::int AS version`,
  );
  const renamed = row !== undefined && row.version >= 150_000;
  await query(
    renamed
      ? `SELECT pg_backup_start('nestjs-replica', fast => true)`
      : `SELECT pg_start_backup('nestjs-replica', fast => true, exclusive => false)`,
  );
  await copyTree(from, to, { owner: workplace.user, skip: (relative) => LEFT_OUT.test(relative) });
  const [backup] = await query<{ labelfile: string }>(
    renamed
      ? `SELECT labelfile FROM pg_backup_stop(wait_for_archive => false)`
      : `SELECT labelfile FROM pg_stop_backup(exclusive => false, wait_for_archive => false)`,
  );
  await writeOwned(workplace, path.join(to, 'backup_label'), backup?.labelfile ?? '');
}
