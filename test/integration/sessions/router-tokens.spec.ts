import { describe, expect, it } from '@jest/globals';
import { useLedger } from '../../support/app/start-app.js';
import { useLedgerCluster, whilePaused } from '../../support/cluster/use-cluster.js';
import { engineOf } from '../../../libs/replica/src/engine/replica-router.js';

const secrets = ['one secret of at least 32 letters for all'];

const cluster = useLedgerCluster();

describe('a token that is handed to a job', () => {
  const app = useLedger(cluster, { session: { secrets } });
  const worker = useLedger(cluster, { session: { secrets } });

  const balance = async (id: number): Promise<number> =>
    (await worker.accounts.findOneByOrFail({ id })).balance;

  /** What the worker reads under a token, and from where. */
  async function readWith(token: string | undefined, id: number): Promise<unknown> {
    const reasons: string[] = [];
    const stop = worker.router.on('statement', ({ reason }) => reasons.push(reason));
    try {
      return [await worker.router.runWithToken(token, () => balance(id)), ...reasons];
    } finally {
      stop();
    }
  }

  it('lets it see what the request has written, with replay paused, and afterwards on a replica', async () => {
    let token = '';
    await whilePaused(cluster, async () => {
      ({ token } = (await app.post('/accounts/1/add-and-token')).body);
      expect(await readWith(token, 1)).toEqual([1, 'session-ahead']);
      expect(await worker.router.waitForToken(token, { timeoutMs: 50 })).toBe(false);
      expect(await readWith(undefined, 1)).toEqual([0, 'session-free']);
    });
    expect(await worker.router.waitForToken(token, { timeoutMs: 5_000 })).toBe(true);
    expect(await readWith(token, 1)).toEqual([1, 'session-replayed']);
  });

  it('made outside a request covers everything that was committed by then', async () => {
    await whilePaused(cluster, async () => {
      await cluster.primary.query('UPDATE account SET balance = 7 WHERE id = 2');
      const token = await app.router.currentToken();
      expect(await readWith(token, 2)).toEqual([7, 'session-ahead']);
    });
  });

  it('made where nothing was written leaves the job its replica', async () => {
    await whilePaused(cluster, async () => {
      const { token } = (await app.get('/accounts/3/token')).body;
      expect(await readWith(token, 3)).toEqual([0, 'session-free']);
    });
  });

  it('covers what the job itself writes, for itself and for the next one', async () => {
    await whilePaused(cluster, async () => {
      const next = await worker.router.runWithToken(undefined, async () => {
        await worker.accounts.increment({ id: 4 }, 'balance', 5);
        expect(await balance(4)).toBe(5);
        return worker.router.currentToken();
      });
      expect(await readWith(next, 4)).toEqual([5, 'session-ahead']);
    });
  });

  it('keeps jobs apart that run at the same time', async () => {
    await whilePaused(cluster, async () => {
      const jobs = Array.from({ length: 20 }, async (_, index) => {
        const id = 10 + index;
        const { token } =
          index % 2 === 0 ? (await app.post(`/accounts/${id}/add-and-token`)).body : { token: undefined };
        return worker.router.runWithToken(token, () => balance(id));
      });
      expect(await Promise.all(jobs)).toEqual(Array.from({ length: 20 }, (_, index) => 1 - (index % 2)));
    });
  });

  it('counts as no token when it is damaged', async () => {
    const before = worker.router.counters().foreignTokens;
    for (const damaged of ['x', 'AQ'.repeat(40), '{}']) {
      expect(await readWith(damaged, 5)).toEqual([0, 'session-free']);
      expect(await worker.router.waitForToken(damaged, { timeoutMs: 10 })).toBe(true);
    }
    expect(worker.router.counters().foreignTokens - before).toBeGreaterThanOrEqual(3);
    expect(await readWith('', 5)).toEqual([0, 'session-free']);
  });

  it('gives back the failure of the job, and ends its context', async () => {
    const failed = worker.router.runWithToken(undefined, () => Promise.reject(new Error('the job failed')));
    await expect(failed).rejects.toThrow('the job failed');
    expect(engineOf(worker.router).contexts.current()).toBeUndefined();
  });
});
