import { describe, expect, it } from '@jest/globals';
import { formatSessionRecord, parseSessionRecord } from './session-record.js';

const RECORD = '20000000016b3748001a2b3c4d5e601a2b3c4d5e70000000000ffreplica-1';

describe('the record of a session', () => {
  it('is short, of fixed width, and comes back as it was', () => {
    const state = {
      position: 0x16b37480n,
      primaryUntilMs: 0x1a2b3c4d5e6,
      unconfirmedUntilMs: 0x1a2b3c4d5e7,
      servedBy: 'replica-1',
      servedAtMs: 255,
    };
    const record = formatSessionRecord(state);
    expect(record).toBe(RECORD);
    expect(parseSessionRecord(record)).toEqual(state);
  });

  it('rounds a fraction of a millisecond up, and keeps within its width', () => {
    const { primaryUntilMs } = parseSessionRecord(formatSessionRecord({ primaryUntilMs: 1.2 }));
    expect(primaryUntilMs).toBe(2);
    expect(formatSessionRecord({ primaryUntilMs: Number.MAX_VALUE })).toHaveLength(53);
  });

  it.each([-1n, 2n ** 64n])('refuses the position %s', (position) => {
    expect(() => formatSessionRecord({ position })).toThrow('does not fit into 64 bits');
  });

  it.each([
    '',
    '2',
    '1' + RECORD.slice(1),
    '3' + RECORD.slice(1),
    RECORD.slice(0, 52),
    `${RECORD} `,
    `${RECORD}\n`,
    RECORD.toUpperCase(),
  ])('is not understood when it is damaged: %j', (record) => {
    expect(() => parseSessionRecord(record)).toThrow('damaged');
  });
});
