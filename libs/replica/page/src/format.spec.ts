import { describe, expect, it } from '@jest/globals';
import { bytes, duration, list, percent, plural, shortCount, span, withoutColumns } from './format.js';

describe('what the page writes', () => {
  it.each([
    [null, 'unknown'],
    [0, '0 ms'],
    [0.44, '0.4 ms'],
    [40.4, '40 ms'],
    [1_240, '1.2 s'],
    [90_000, '1.5 min'],
    [7_200_000, '2 h'],
  ])('of %s milliseconds is %s', (ms, text) => {
    expect(duration(ms)).toBe(text);
  });

  it.each([
    [1_400, 'second'],
    [59_000, '59 seconds'],
    [61_000, 'minute'],
    [355_000, '5 minutes'],
  ])('of the last %d milliseconds is %s', (ms, text) => {
    expect(span(ms)).toBe(text);
  });

  it.each([
    [0, '0 bytes'],
    [999, '999 bytes'],
    [13_400, '13.4 kB'],
    [5_000_000_000, '5 GB'],
    [2e18, '2000000 TB'],
  ])('of %d bytes is %s', (value, text) => {
    expect(bytes(value)).toBe(text);
  });

  it.each([
    [0, '0%'],
    [0.001, '<1%'],
    [0.974, '97%'],
    [0.999, '>99%'],
    [1, '100%'],
  ])('of a share of %d is %s', (share, text) => {
    expect(percent(share)).toBe(text);
  });

  it('of counts and lists is as people write them', () => {
    expect([shortCount(9_999), shortCount(26_500), plural(1, 'read'), plural(1_200, 'read')]).toEqual([
      '9,999',
      '26.5K',
      '1 read',
      '1,200 reads',
    ]);
    expect([list([]), list(['a']), list(['a', 'b']), list(['a', 'b', 'c'])]).toEqual([
      '',
      'a',
      'a and b',
      'a, b and c',
    ]);
  });

  it('of a statement with many columns is what tells it from others', () => {
    const columns = Array.from({ length: 9 }, (_, index) => `"Product"."c${index}"`).join(', ');
    expect(withoutColumns(`SELECT ${columns} FROM "products" WHERE a IN (SELECT b FROM c)`)).toBe(
      'SELECT … FROM "products" WHERE a IN (SELECT b FROM c)',
    );
    for (const text of ['SELECT a, b FROM c', `UPDATE a SET ${columns}`, `SELECT ${columns}`, 'COMMIT'])
      expect(withoutColumns(text)).toBe(text);
  });
});
