import { describe, expect, it } from '@jest/globals';
import { fromHeader } from 'nestjs-replica';
import { startTcpProxy } from 'nestjs-replica/testing';
import { setTimeout as delay } from 'node:timers/promises';
import { startLedger } from '../support/app/start-app.js';
import { forDatabase } from '../support/cluster/test-database.js';
import { until } from '../support/until.js';
import { useLedgerCluster } from '../support/cluster/use-cluster.js';

/** Writes whose positions are far beyond what came before. */
const FILLER_SQL = forDatabase({
  postgres: ['CREATE TABLE filler AS SELECT repeat(n::text, 100) AS t FROM generate_series(1, 20000) n'],
  mariadb: ['CREATE TABLE filler (n int)', ...Array<string>(50).fill('INSERT INTO filler VALUES (1)')],
});

const cluster = useLedgerCluster({ count: 1 });

describe('a session, when nodes come and go', () => {
  it('sees no older data after its record of the replica that it moved to has expired', async () => {
    const [home] = cluster.replicas;
    const app = await startLedger(cluster, {
      session: { key: fromHeader('x-session'), ttlMs: 6_200 },
      maxLagMs: 6_000,
    });
    try {
      let session = '';
      for (let index = 0; session === ''; index++) {
        const { nodes } = await app.get('/accounts/1', `s-${index}`);
        if (nodes[0] === 'replica-1') session = `s-${index}`;
      }
      await home?.kill();
      await until(() => app.router.topology().replicas[0]?.health === 'down');
      const moved = await app.getUntil('/accounts/1', session, ({ nodes }) => nodes[0] === 'replica-2');
      const movedAt = Date.now();
      expect(moved.nodes).toEqual(['replica-2']);
      await home?.start();
      await until(() => app.router.topology().replicas[0]?.health === 'up');
      await home?.pauseReplay();
      await delay(movedAt + 2_000 - Date.now());
      await cluster.primary.query('UPDATE account SET balance = balance + 1 WHERE id = 1');
      await cluster.waitForCatchUp();
      await delay(movedAt + 2_700 - Date.now());
      const first = await app.get('/accounts/1', session);
      expect(first).toMatchObject({ nodes: ['replica-2'], body: { balance: 1 } });
      await delay(movedAt + 6_500 - Date.now());
      const second = await app.get('/accounts/1', session);
      expect(second.body.balance).toBeGreaterThanOrEqual(first.body.balance as number);
    } finally {
      await app.close();
      await home?.resumeReplay();
    }
  });

  it('sees its write after a failover to a primary that had replayed less than the other replica', async () => {
    const proxy = await startTcpProxy(cluster.primary);
    const [candidate, ahead] = cluster.replicas;
    if (candidate === undefined || ahead === undefined) throw new Error('two replicas');
    const app = await startLedger(cluster, {
      primary: { url: proxy.url },
      replicas: [{ name: 'ahead', url: ahead.url }],
      session: { key: fromHeader('x-session'), ttlMs: 40_000 },
      maxLagMs: 30_000,
    });
    try {
      await candidate.stop();
      for (const sql of FILLER_SQL) await cluster.primary.query(sql);
      await cluster.waitForCatchUp();
      await delay(300);
      await cluster.primary.kill();
      await candidate.start();
      await candidate.promote();
      proxy.redirect(candidate);
      proxy.reset();
      await until(() => app.router.topology().primary.health === 'up', 'the new primary');
      await until(async () => (await app.post('/accounts/1/add', 'writer')).status === 201, 'the write');
      const [{ balance }] = (await candidate.query<{ balance: number }>(
        'SELECT balance FROM account WHERE id = 1',
      )) as [{ balance: number }];
      expect((await app.get('/accounts/1', 'writer')).body.balance).toBe(balance);
    } finally {
      await app.close();
      await proxy.close();
    }
  });
});
