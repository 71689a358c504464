import type { WalLayout } from './lsn.js';

/** Two rows, sizes in bytes. Fixed for the life of a cluster. Needs no privilege. */
export const LAYOUT_SQL = `/* nestjs-replica: sizes */ SELECT name, setting::bigint * CASE unit WHEN '8kB' THEN 8192 WHEN 'kB' THEN 1024 WHEN 'MB' THEN 1048576 ELSE 1 END AS bytes
  FROM pg_catalog.pg_settings WHERE name IN ('wal_segment_size', 'wal_block_size')`;

/** What {@link LAYOUT_SQL} gives. */
export interface SizeRow {
  readonly name: string;
  readonly bytes: string | number | null | undefined;
}

/** What was not told is as PostgreSQL is built by default. */
export function readLayout(rows: readonly SizeRow[]): WalLayout {
  const bytesOf = (name: string, otherwise: number): number =>
    Number(rows.find((row) => row.name === name)?.bytes ?? otherwise);
  return {
    segmentBytes: bytesOf('wal_segment_size', 16_777_216),
    pageBytes: bytesOf('wal_block_size', 8192),
  };
}
