import type { Position } from '../session/position.js';

/** The WAL sizes that were fixed when the server was built or the cluster was initialized; bytes. */
export interface WalLayout {
  /** `wal_segment_size`, 16 MiB by default. */
  readonly segmentBytes: number;
  /** `wal_block_size`, 8 KiB by default. */
  readonly pageBytes: number;
}

const SHORT_PAGE_HEADER_BYTES = 24n;
const LONG_PAGE_HEADER_BYTES = 40n;

/** Parses the text form of `pg_lsn`: two hexadecimal halves, as in `16/B374D848`. Throws a RangeError for anything else. */
export function parseLsn(text: string): Position {
  const match = /^([0-9A-F]{1,8})\/([0-9A-F]{1,8})$/i.exec(text);
  if (match === null) throw new RangeError(`not a pg_lsn: ${JSON.stringify(text)}`);
  return (BigInt(`0x${match[1]}`) << 32n) | BigInt(`0x${match[2]}`);
}

/** Formats a position as `pg_lsn` text. */
export function formatLsn(position: Position): string {
  return `${(position >> 32n).toString(16).toUpperCase()}/${(position & 0xffffffffn).toString(16).toUpperCase()}`;
}

/**
 * Moves an insert position back to the end of the last WAL record. On an idle primary, `pg_current_wal_insert_lsn()` can point past the
 * header of a page that holds no record yet. A replica reports the end of the last record until the next one arrives, which can take
 * long. (Header sizes: `SizeOfXLogShortPHD` and `SizeOfXLogLongPHD` in PostgreSQL's `access/xlog_internal.h`. A segment begins with a
 * long header.)
 */
export function beforePageHeader(position: Position, { segmentBytes, pageBytes }: WalLayout): Position {
  if (position % BigInt(segmentBytes) === LONG_PAGE_HEADER_BYTES) return position - LONG_PAGE_HEADER_BYTES;
  if (position % BigInt(pageBytes) === SHORT_PAGE_HEADER_BYTES) return position - SHORT_PAGE_HEADER_BYTES;
  return position;
}

/** Gives two rows with sizes in bytes, which never change during the life of a cluster. Needs no privilege. */
export const LAYOUT_SQL = `/* nestjs-replica: sizes */ SELECT name, setting::bigint * CASE unit WHEN '8kB' THEN 8192 WHEN 'kB' THEN 1024 WHEN 'MB' THEN 1048576 ELSE 1 END AS bytes
  FROM pg_catalog.pg_settings WHERE name IN ('wal_segment_size', 'wal_block_size')`;

/** A row of {@link LAYOUT_SQL}. */
export interface SizeRow {
  readonly name: string;
  readonly bytes: string | number | null | undefined;
}

/** Missing sizes default to those of a standard PostgreSQL build. */
export function readLayout(rows: readonly SizeRow[]): WalLayout {
  const bytesOf = (name: string, otherwise: number): number =>
    Number(rows.find((row) => row.name === name)?.bytes ?? otherwise);
  return {
    segmentBytes: bytesOf('wal_segment_size', 16_777_216),
    pageBytes: bytesOf('wal_block_size', 8192),
  };
}
