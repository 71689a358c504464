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

  it.each(SEEDS)(
    'never see less than before while replicas crash, and foreign servers and rivals appear (seed %s)',
    async (seed) => {
      const { violations, reads } = await runModel({ seed, requests: REQUESTS, servers: true });
      expect(violations).toEqual([]);
      for (const node of ['primary', 'r1', 'r2', 'r3']) expect(reads[node] ?? 0).toBeGreaterThan(10);
    },
    120_000,
  );

  const LISTS = [
    ['r1', 'r2', 'r3'],
    ['r4', 'r3', 'r2'],
  ] as const;

  it.each(SEEDS)(
    'never see less than before while each instance has replicas of its own (seed %s)',
    async (seed) => {
      const { violations, reads } = await runModel({ seed, requests: REQUESTS, lists: LISTS });
      expect(violations).toEqual([]);
      for (const node of ['r1', 'r2', 'r3', 'r4']) expect(reads[node] ?? 0).toBeGreaterThan(10);
    },
    120_000,
  );

  it.each(SEEDS)(
    'never see less than before while servers behind one address crash and are replaced (seed %s)',
    async (seed) => {
      const { violations, reads } = await runModel({ seed, requests: REQUESTS, endpoint: true });
      expect(violations).toEqual([]);
      const servers = Object.entries(reads).filter(([node, count]) => node !== 'primary' && count > 10);
      expect(servers.length).toBeGreaterThan(3);
    },
    120_000,
  );

  /** Each with the first seed that finds it. */
  it.each([
    ['forgets-former-homes', {}, 13],
    ['notes-nothing', {}, 2],
    ['moves-at-once', {}, 1],
    ['notes-no-home', { lists: LISTS }, 1],
    ['uses-any-connection', { servers: true }, 1],
    ['believes-other-runs', { servers: true }, 1],
    ['believes-any-cluster', { servers: true }, 1],
    ['sees-no-rival', { servers: true }, 1],
    ['reads-on-any-server', { endpoint: true }, 1],
    ['probes-any-server', { endpoint: true }, 1],
  ] as const)(
    'are seen to when an instance %s',
    async (defect, changes, first) => {
      const violations: string[] = [];
      // After a change of the library others may find it.
      const seeds = [first, ...Array.from({ length: 50 }, (_, index) => index + 1)];
      for (const seed of seeds) {
        if (violations.length > 0) break;
        violations.push(...(await runModel({ seed, requests: REQUESTS, defect, ...changes })).violations);
      }
      expect(violations).not.toEqual([]);
    },
    240_000,
  );
});
