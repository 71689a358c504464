/** Session guarantees in a model of a cluster: the library's own monitor, decisions and requests on a clock of the test's. */
import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { runModel } from './support/run-model.js';

const REQUESTS = Number(process.env.MODEL_REQUESTS ?? 1_200);
const SEEDS = (process.env.MODEL_SEEDS ?? '1,2').split(',').map(Number);

describe('sessions on two instances whose replicas come, go and change', () => {
  beforeEach(() => {
    jest.useFakeTimers();
  });

  afterEach(() => {
    jest.useRealTimers();
  });

  it.each(SEEDS)(
    'never see less than before (seed %s)',
    async (seed) => {
      const { violations, reads, reasons } = await runModel({ seed, requests: REQUESTS });
      expect(violations).toEqual([]);
      for (const node of ['primary', 'r1', 'r2', 'r3', 'r4']) expect(reads[node] ?? 0).toBeGreaterThan(10);
      for (const reason of ['session-free', 'session-replayed', 'session-ahead', 'primary-away'])
        expect([reason, reasons[reason] ?? 0]).not.toEqual([reason, 0]);
    },
    120_000,
  );

  it('never see less than before while each instance prefers another region', async () => {
    const limits = [
      { balancer: 'nearest', region: 'eu' },
      { balancer: 'nearest', region: 'us' },
    ] as const;
    const { violations, reads } = await runModel({ seed: 11, requests: REQUESTS, limits });
    expect(violations).toEqual([]);
    expect(reads.r1).toBeGreaterThan(10);
    expect(reads.r2).toBeGreaterThan(10);
  });

  it.each(['forgets-former-homes', 'notes-nothing', 'moves-at-once'] as const)(
    'are seen to when an instance %s',
    async (defect) => {
      const { violations } = await runModel({ seed: 1, requests: REQUESTS, defect });
      expect(violations).not.toEqual([]);
    },
    120_000,
  );
});
