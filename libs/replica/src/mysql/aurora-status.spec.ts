import { describe, expect, it } from '@jest/globals';
import { AuroraCluster, readAurora, type AuroraRow } from './aurora-status.js';

const WRITER: AuroraRow = {
  innodb_read_only: 0,
  read_only: 0,
  told: 1,
  is_writer: 1,
  lag_ms: 0,
  told_ms: '400.5000',
};
const READER: AuroraRow = { ...WRITER, innodb_read_only: 1, read_only: 1, is_writer: 0, lag_ms: 12.5 };

describe('readAurora of MySQL', () => {
  it('knows no position of anybody, and the age of readers', () => {
    expect(readAurora(WRITER).result).toEqual({
      isReadOnly: false,
      position: undefined,
      epoch: undefined,
      minLagMs: 0,
    });
    expect(readAurora(READER).result).toMatchObject({
      isReadOnly: true,
      position: undefined,
      epoch: undefined,
      minLagMs: 413,
      receiver: expect.stringMatching(/^aurora without positions/),
    });
  });

  it('takes a row of a moment to come, by another clock, for one of now', () => {
    expect(readAurora({ ...READER, told_ms: -300 }).result.minLagMs).toBe(12.5);
  });

  it('takes figures and switches as texts', () => {
    const row = { ...READER, innodb_read_only: 'ON', told: '1', is_writer: '0', lag_ms: '12.5' };
    expect(readAurora(row).result.minLagMs).toBe(413);
    expect(readAurora({ ...WRITER, innodb_read_only: 'OFF', read_only: 'OFF' }).result.isReadOnly).toBe(
      false,
    );
  });

  it('knows no age of the writer of a cluster that follows another one', () => {
    const { result, untold } = readAurora({ ...WRITER, read_only: 1 });
    expect(result).toEqual({ isReadOnly: true, position: undefined, epoch: undefined });
    expect(untold).toMatch(/follows another one/);
  });

  it.each([
    ['no row', { told: 0, is_writer: null, lag_ms: null, told_ms: null }, '0 rows'],
    ['two rows', { told: '2' }, '2 rows'],
    ['a row of nobody', { told: null }, 'no rows'],
    ['a writer that is read-only', { is_writer: 1 }, 'a read-only server as the writer'],
    ['a reader that accepts writes', { innodb_read_only: 0 }, 'accepts writes as a reader'],
    ['no lag', { lag_ms: null }, 'no lag'],
    ['a negative lag', { lag_ms: -1 }, 'no lag'],
    ['a lag that is no number', { lag_ms: 'soon' }, 'no lag'],
    ['no time', { told_ms: null }, 'no time'],
    ['a time of another zone', { told_ms: -3_600_000 }, 'yet to come'],
  ] as const)('refuses %s', async (_, changes, problem) => {
    const row = { ...READER, ...changes };
    expect(() => readAurora(row)).toThrow(problem);
    await expect(new AuroraCluster().read({ row: { ...row } })).rejects.toThrow(problem);
  });
});
