import { describe, expect, it } from '@jest/globals';
import { areFaithful, type Column, type DateStrings } from './faithful-columns.js';

const column = (columnType: number, decimals = 0, flags = 0): Column =>
  ({ columnType, decimals, flags }) as unknown as Column;
const [FLOAT, DOUBLE, TIMESTAMP, LONGLONG, DATE, TIME, DATETIME, VAR_STRING] = [
  4, 5, 7, 8, 10, 11, 12, 253,
] as const;

describe('a column of a prepared read', () => {
  it.each<[what: string, column: Column, dateStrings: DateStrings, isFaithful: boolean]>([
    ['VARCHAR', column(VAR_STRING), undefined, true],
    ['FLOAT', column(FLOAT, 31), undefined, false],
    ['DOUBLE', column(DOUBLE, 31), undefined, true],
    ['DOUBLE(10, 2)', column(DOUBLE, 2), undefined, false],
    ['BIGINT', column(LONGLONG), undefined, true],
    ['BIGINT ZEROFILL', column(LONGLONG, 0, 0x60), undefined, false],
    ['TIME', column(TIME), undefined, true],
    ['TIME(3)', column(TIME, 3), undefined, false],
    ['DATE', column(DATE), undefined, false],
    ['DATE as text', column(DATE), true, true],
    ['DATE as text', column(DATE), ['DATE'], true],
    ['DATE', column(DATE), ['DATETIME'], false],
    ['DATETIME', column(DATETIME), undefined, true],
    ['DATETIME(6)', column(DATETIME, 6), undefined, true],
    ['DATETIME as text', column(DATETIME), true, true],
    ['DATETIME(6) as text', column(DATETIME, 6), true, false],
    ['TIMESTAMP(3) as text', column(TIMESTAMP, 3), ['TIMESTAMP'], false],
    ['TIMESTAMP(3)', column(TIMESTAMP, 3), ['DATETIME'], true],
  ])(
    'has the same values in binary form as in a text: %s (%j, %j): %s',
    (_what, one, dateStrings, expected) => {
      expect(areFaithful([column(VAR_STRING), one], dateStrings)).toBe(expected);
    },
  );

  it('has to be known', () => {
    expect(areFaithful([], undefined)).toBe(false);
  });
});
