import { describe, expect, it } from '@jest/globals';
import { beforePageHeader, formatLsn, parseLsn } from './positions.js';

const LAYOUT = { segmentBytes: 16 * 1024 * 1024, pageBytes: 8192 };

describe('an LSN', () => {
  it.each([
    ['0/0', 0n],
    ['0/3000018', 0x3000018n],
    ['16/B374D848', 0x16b374d848n],
    ['FFFFFFFF/FFFFFFFF', 0xffffffffffffffffn],
  ])('%s is %s', (text, position) => {
    expect(parseLsn(text)).toBe(position);
    expect(formatLsn(position)).toBe(text);
  });

  it('compares as a 64-bit number, not as text', () => {
    expect(parseLsn('10/0') > parseLsn('9/FFFFFFFF')).toBe(true);
  });

  it.each(['', '0', '0/', '/0', 'G/0', '0/123456789', '0/1 '])('is rejected: %j', (text) => {
    expect(() => parseLsn(text)).toThrow(RangeError);
  });

  it.each([
    ['0/3002018', '0/3002000', 'a page header without a record'],
    ['0/3000028', '0/3000000', 'the longer header of a segment'],
    ['0/3002028', '0/3002028', 'a record after a page header'],
    ['0/3000018', '0/3000000', '24 bytes into a segment, which a record never is'],
    ['0/3001234', '0/3001234', 'the middle of a page'],
  ])('moves from %s to %s: %s', (given, wanted) => {
    expect(formatLsn(beforePageHeader(parseLsn(given), LAYOUT))).toBe(wanted);
  });
});
