/** Bytes of a WAL page, and of the headers that begin a page and a segment file, in every build of PostgreSQL. */
const PAGE_BYTES = 8192n;
const PAGE_HEADER_BYTES = 24n;
const SEGMENT_HEADER_BYTES = 40n;

/** `pg_lsn` as text, such as `16/B374D848`, as a number of 64 bits. */
export function parseWalPosition(text: string): bigint {
  const [high = '', low = ''] = text.split('/');
  return (BigInt(`0x${high}`) << 32n) | BigInt(`0x${low}`);
}

/** The number as PostgreSQL writes it. */
export function formatWalPosition(position: bigint): string {
  return `${(position >> 32n).toString(16)}/${(position & 0xffff_ffffn).toString(16)}`.toUpperCase();
}

/**
 * The end of the last record before an insert position. On an idle primary the insert position may stand behind the header of a page
 * on which nothing is written yet; a replica never reports that position, for it has replayed up to the page's start.
 */
export function endOfLastRecord(insertPosition: bigint, segmentBytes: bigint): bigint {
  if (insertPosition % segmentBytes === SEGMENT_HEADER_BYTES) return insertPosition - SEGMENT_HEADER_BYTES;
  if (insertPosition % PAGE_BYTES === PAGE_HEADER_BYTES) return insertPosition - PAGE_HEADER_BYTES;
  return insertPosition;
}
