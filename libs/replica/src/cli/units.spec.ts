import { describe, expect, it } from '@jest/globals';
import { formatBytes, formatMs, formatShare, formatSpan, parseCount, parseDuration } from './units.js';

describe('parseDuration', () => {
  it.each([
    ['500ms', 500],
    ['5s', 5_000],
    ['1.5s', 1_500],
    ['2m', 120_000],
    ['1h', 3_600_000],
    ['7', 7_000],
    ['0', 0],
  ])('reads %s as %i ms', (text, ms) => {
    expect(parseDuration('--warn-lag', text)).toBe(ms);
  });

  it.each(['', 's', '5 s', '-1s', '5d', '1e3', '99999h', 'hunter2'])(
    'refuses %j, and repeats nothing of it',
    (text) => {
      expect(() => parseDuration('--warn-lag', text)).toThrow(
        /^--warn-lag takes a duration such as 500ms, 5s or 1m$/,
      );
    },
  );

  it('tells the least duration', () => {
    expect(() => parseDuration('--every', '1ms', 10)).toThrow(
      '--every takes a duration such as 500ms, 5s or 1m, from 10 ms',
    );
  });
});

describe('parseCount', () => {
  it('reads whole numbers from the least one', () => {
    expect(parseCount('--top', '0')).toBe(0);
    expect(() => parseCount('--instances', '0', 1)).toThrow('--instances takes a whole number from 1');
    expect(() => parseCount('--top', '1.5')).toThrow('--top takes a whole number from 0');
  });
});

describe('numbers for people', () => {
  it.each([
    [0, '0 ms'],
    [0.84, '0.8 ms'],
    [999.4, '999 ms'],
    [1_250, '1.3 s'],
    [60_000, '1 min 0 s'],
    [3_700_000, '1 h 1 min'],
  ])('%d ms is %s', (ms, text) => {
    expect(formatMs(ms)).toBe(text);
  });

  it.each([
    [0, '0 s'],
    [40_400, '40 s'],
    [355_000, '5 min'],
  ])('the last %d ms are %s', (ms, text) => {
    expect(formatSpan(ms)).toBe(text);
  });

  it.each([
    [0, '0 B'],
    [1_023, '1023 B'],
    [1_536, '1.5 kB'],
    [5 * 1024 ** 3, '5 GB'],
  ])('%d bytes are %s', (bytes, text) => {
    expect(formatBytes(bytes)).toBe(text);
  });

  it('only nothing is 0%, and only all is 100%', () => {
    expect([0, 1, 500, 999, 1_000].map((part) => formatShare(part, 1_000))).toEqual([
      '0%',
      'under 1%',
      '50%',
      'over 99%',
      '100%',
    ]);
    expect(formatShare(0, 0)).toBe('0%');
  });
});
