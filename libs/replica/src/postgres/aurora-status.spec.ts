import { describe, expect, it } from '@jest/globals';
import { readAurora, type AuroraRow } from './aurora-status.js';

const WRITER: AuroraRow = {
  in_recovery: false,
  started: '1',
  is_writer: true,
  durable: '5000',
  read: '4000',
  lag_ms: null,
  told_ms: null,
};
const READER: AuroraRow = {
  ...WRITER,
  in_recovery: true,
  is_writer: false,
  durable: '4500',
  read: '4400',
  lag_ms: 12,
};

describe('readAurora', () => {
  it('takes what is durable for the position of the writer', () => {
    expect(readAurora([WRITER])).toEqual({
      isReadOnly: false,
      position: 5000n,
      epoch: undefined,
      minLagMs: 0,
    });
  });

  it('believes no position of the writer that may be old', () => {
    expect(readAurora([{ ...WRITER, told_ms: 0 }]).position).toBeUndefined();
  });

  it.each([
    ['what it has applied, if it reads later', { durable: '4000', read: '4400' }, 4000n],
    ['where it reads, if it has applied more', {}, 4400n],
    ['LSNs written as WAL positions', { durable: '1/0', read: '1/A' }, 0x1_0000_0000n],
    ['none if one is missing', { durable: null }, undefined],
    ['none if one is zero', { read: '0' }, undefined],
    ['none if one is no LSN', { read: '4400.5' }, undefined],
  ])('takes for the position of a reader %s', (_, changes, position) => {
    const answer = readAurora([{ ...READER, ...changes }]);
    expect(answer).toMatchObject({ isReadOnly: true, minLagMs: 12 });
    expect(answer.position).toBe(position);
    expect(answer.receiver).toMatch(position === undefined ? /^aurora without positions/ : /^aurora$/);
  });

  it('goes by the lag and the age of the row where rows may be old', () => {
    expect(readAurora([{ ...READER, told_ms: 800 }])).toMatchObject({ position: undefined, minLagMs: 812 });
    expect(readAurora([{ ...READER, told_ms: -5 }]).minLagMs).toBe(12);
  });

  it.each([
    ['no row', [], '0 rows'],
    ['two rows', [READER, READER], '2 rows'],
    ['a row of nobody', [{ ...READER, is_writer: null }], 'no row for the instance that answers'],
    ['a writer in recovery', [{ ...WRITER, in_recovery: true }], 'in recovery as the writer'],
    ['a reader that accepts writes', [{ ...READER, in_recovery: false }], 'accepts writes as a reader'],
    ['no lag', [{ ...READER, lag_ms: null }], 'no lag'],
    ['a lag that is no number', [{ ...READER, lag_ms: Number.NaN }], 'no lag'],
  ] as const)('refuses %s', (_, rows, problem) => {
    expect(() => readAurora(rows)).toThrow(problem);
  });
});
