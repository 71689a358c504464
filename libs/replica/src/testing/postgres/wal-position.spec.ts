import { describe, expect, it } from '@jest/globals';
import { endOfLastRecord, formatWalPosition, parseWalPosition } from './wal-position.js';

const SEGMENT_BYTES = 16n * 1024n * 1024n;

describe('a WAL position', () => {
  it.each([
    ['0/0', 0n],
    ['0/1634FA0', 0x1634fa0n],
    ['16/B374D848', 0x16b374d848n],
    ['FFFFFFFF/FFFFFFFF', 2n ** 64n - 1n],
  ])('%s is read and written as a number of 64 bits', (text, position) => {
    expect(parseWalPosition(text)).toBe(position);
    expect(formatWalPosition(position)).toBe(text);
  });

  it.each([
    ['behind the header of an empty page', 3n * 8192n + 24n, 3n * 8192n],
    ['behind the header of an empty segment', 5n * SEGMENT_BYTES + 40n, 5n * SEGMENT_BYTES],
    ['behind a record', 3n * 8192n + 120n, 3n * 8192n + 120n],
    ['40 bytes into a page that begins no segment', 3n * 8192n + 40n, 3n * 8192n + 40n],
  ])('%s, the last record ends where a replica says so', (_title, insert, end) => {
    expect(endOfLastRecord(insert, SEGMENT_BYTES)).toBe(end);
  });
});
