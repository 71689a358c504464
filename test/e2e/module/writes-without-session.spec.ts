import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { Logger } from '@nestjs/common';
import { cookieToken, fromCookie, fromHeader, type ReplicaModuleOptions } from 'nestjs-replica';
import { startApp } from '../../support/app/start-app.js';
import type { TestApp } from '../../support/app/test-app.js';
import { until } from '../../support/until.js';
import { useLedgerCluster } from '../../support/cluster/use-cluster.js';
import { LedgerController } from '../../support/ledger/ledger.controller.js';

const secrets = ['one secret of at least 32 letters for all'];

const cluster = useLedgerCluster();

describe('requests that write and belong to no session', () => {
  let warned: string[];

  beforeEach(() => {
    warned = [];
    jest.spyOn(Logger.prototype, 'warn').mockImplementation((line: unknown) => {
      if (String(line).includes('belonged to no session')) warned.push(String(line));
    });
  });
  afterEach(() => void jest.restoreAllMocks());

  /** What is counted after so many writes by nobody. */
  async function countAfter(
    changes: Partial<ReplicaModuleOptions>,
    count: number,
    before: (app: TestApp) => Promise<unknown> = () => Promise.resolve(),
  ): Promise<number> {
    const app = await startApp(cluster, [LedgerController], changes);
    try {
      await before(app);
      for (let done = 0; done < count; done++) {
        await app.post('/accounts/1/add');
        await app.get('/accounts/1');
      }
      const counted = (): number => app.router.counters().writesWithoutSession;
      // The request ends a little after its client has the answer.
      if (counted() > 0) await until(() => counted() === count, 'the end of the last request');
      return counted();
    } finally {
      await app.close();
    }
  }

  it('are counted, and logged once, if nobody sets the cookie', async () => {
    expect(await countAfter({ session: { key: fromCookie('sid') } }, 41)).toBe(41);
    expect(warned).toEqual([expect.stringContaining('see who sets the cookie')]);
  });

  it('are logged as in need of a key if there is none', async () => {
    expect(await countAfter({ session: {} }, 21)).toBe(21);
    expect(warned).toEqual([expect.stringContaining('set `session.key` or `session.token`')]);
  });

  it('are only counted while they are few', async () => {
    expect(await countAfter({ session: { key: fromCookie('sid') } }, 19)).toBe(19);
    expect(warned).toEqual([]);
  });

  it('are normal if other requests have a key, even if those only read', async () => {
    const read = (app: TestApp): Promise<unknown> => app.get('/accounts/1', 'somebody');
    expect(await countAfter({ session: { key: fromHeader('x-session') } }, 25, read)).toBe(25);
    expect(warned).toEqual([]);
  });

  it('are normal if reads may be stale by default', async () => {
    expect(await countAfter({ session: {}, defaultConsistency: 'eventual' }, 25)).toBe(25);
    expect(warned).toEqual([]);
  });

  it.each<[string, Partial<ReplicaModuleOptions>]>([
    ['sessions are in tokens', { session: { token: cookieToken(), secrets } }],
    ['there are no replicas', { replicas: [] }],
  ])('are not counted where %s', async (_, changes) => {
    expect(await countAfter(changes, 25)).toBe(0);
    expect(warned).toEqual([]);
  });
});
