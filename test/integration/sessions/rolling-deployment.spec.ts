import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { fromHeader, MemorySessionStore, type SessionStore } from 'nestjs-replica';
import type { PostgresCluster } from 'nestjs-replica/testing';
import { startAccountsCluster } from '../../e2e/module/support/accounts-cluster.js';
import { AccountsController } from '../../support/accounts.controller.js';
import { startApp, type TestApp } from '../../support/test-app.js';

const SESSIONS = Array.from({ length: 40 }, (_, index) => `session-${index}`);

describe('two versions of an application with other lists of replicas', () => {
  let cluster: PostgresCluster;
  const apps: TestApp[] = [];

  beforeAll(async () => {
    cluster = await startAccountsCluster();
  }, 60_000);
  afterEach(async () => {
    for (const node of cluster.replicas) await node.resumeReplay();
    await Promise.all(apps.splice(0).map((app) => app.close()));
    await cluster.waitForCatchUp();
  });
  afterAll(() => cluster.stop());

  /** Replicas by their index, without names of their own. */
  async function start(store: SessionStore, replicas: readonly number[]): Promise<TestApp> {
    const app = await startApp(cluster, [AccountsController], {
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
    const memory = new MemorySessionStore();
    // As one that several processes share.
    const store: SessionStore = { load: (key) => memory.load(key), save: (...args) => memory.save(...args) };
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
