import { afterEach, describe, expect, it } from '@jest/globals';
import { fromHeader, type SessionStore } from 'nestjs-replica';
import { startLedger } from '../../support/app/start-app.js';
import type { TestApp } from '../../support/app/test-app.js';
import { SharedStore } from '../../support/app/shared-store.js';
import { useLedgerCluster } from '../../support/cluster/use-cluster.js';

const SESSIONS = Array.from({ length: 40 }, (_, index) => `session-${index}`);

const cluster = useLedgerCluster();

describe('two versions of an application with other lists of replicas', () => {
  const apps: TestApp[] = [];

  afterEach(async () => {
    for (const node of cluster.replicas) await node.resumeReplay();
    await Promise.all(apps.splice(0).map((app) => app.close()));
    await cluster.waitForCatchUp();
  });

  /** Replicas by their index, without names of their own. */
  async function start(store: SessionStore, replicas: readonly number[]): Promise<TestApp> {
    const app = await startLedger(cluster, {
      replicas: replicas.map((index) => ({ url: cluster.replicas[index]?.url })),
      session: { key: fromHeader('x-session'), store },
    });
    apps.push(app);
    return app;
  }

  it.each([
    ['one replica less', [0, 1], [1]],
    ['one replica more', [0], [1, 0]],
    ['another order', [0, 1], [1, 0]],
  ])('show no session older data than before: %s', async (_, before, after) => {
    const store = new SharedStore();
    const [older, newer] = [await start(store, before), await start(store, after)];
    await cluster.replicas[1]?.pauseReplay();
    await cluster.primary.query('UPDATE account SET balance = balance + 1 WHERE id = 1');
    await cluster.waitForCatchUp();
    const backInTime: string[] = [];
    for (const session of SESSIONS) {
      const first = await older.get('/accounts/1', session);
      for (const app of [newer, older, newer]) {
        const next = await app.get('/accounts/1', session);
        if (next.body.balance < first.body.balance) backInTime.push(`${session}: ${next.nodes.join()}`);
      }
    }
    expect(backInTime).toEqual([]);
  });
});
