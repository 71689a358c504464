/** The size in bytes of a WAL page, and of the headers of a page and of a segment file, in every build of PostgreSQL. */
const PAGE_BYTES = 8192n;
const PAGE_HEADER_BYTES = 24n;
const SEGMENT_HEADER_BYTES = 40n;

/** Reads a `pg_lsn` such as `16/B374D848` as a number of 64 bits. */
export function parseWalPosition(text: string): bigint {
  const [high = '', low = ''] = text.split('/');
  return (BigInt(`0x${high}`) << 32n) | BigInt(`0x${low}`);
}

/** Writes the number as PostgreSQL does. */
export function formatWalPosition(position: bigint): string {
  return `${(position >> 32n).toString(16)}/${(position & 0xffff_ffffn).toString(16)}`.toUpperCase();
}

/**
 * The end of the last record before an insert position. On an idle primary the insert position may stand behind the header of an
 * empty page. A replica never reports that position, because it has replayed up to the start of the page.
 */
export function endOfLastRecord(insertPosition: bigint, segmentBytes: bigint): bigint {
  if (insertPosition % segmentBytes === SEGMENT_HEADER_BYTES) return insertPosition - SEGMENT_HEADER_BYTES;
  if (insertPosition % PAGE_BYTES === PAGE_HEADER_BYTES) return insertPosition - PAGE_HEADER_BYTES;
  return insertPosition;
}
