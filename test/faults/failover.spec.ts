import { describe, expect, it } from '@jest/globals';
import { Controller, Get, Post } from '@nestjs/common';
import { InjectRepository } from '@nestjs/typeorm';
import { fromHeader } from 'nestjs-replica';
import { startPostgresCluster, startTcpProxy } from 'nestjs-replica/testing';
import { Repository } from 'typeorm';
import { Account } from '../support/accounts.js';
import { startApp, until } from '../support/test-app.js';

@Controller()
class BalanceController {
  constructor(@InjectRepository(Account) private readonly accounts: Repository<Account>) {}

  @Get('plain')
  async plain(): Promise<object> {
    return { balance: (await this.accounts.findOneByOrFail({ id: 1 })).balance };
  }

  @Post('add')
  async add(): Promise<object> {
    await this.accounts.increment({ id: 1 }, 'balance', 1);
    return {};
  }
}

const later = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

describe('a session, when nodes come and go', () => {
  it('is not shown older data when its note of the replica it moved to has expired', async () => {
    const cluster = await startPostgresCluster({ replicas: 2 });
    const app = await startApp(cluster, [BalanceController], {
      synchronize: true,
      session: { key: fromHeader('x-session'), ttlMs: 6_200 },
      maxLagMs: 6_000,
    });
    try {
      await app.dataSource.query(`INSERT INTO account (owner) VALUES ('ann')`);
      await cluster.waitForCatchUp();
      let session = '';
      for (let index = 0; session === ''; index++) {
        const { nodes } = await app.get('/plain', `s-${index}`);
        if (nodes[0] === 'replica-1') session = `s-${index}`;
      }
      const [home, other] = cluster.replicas;
      await home?.kill();
      await until(() => app.router.topology().replicas[0]?.health === 'down');
      const moved = await app.getUntil('/plain', session, ({ nodes }) => nodes[0] === 'replica-2');
      const movedAt = Date.now();
      expect(moved.nodes).toEqual(['replica-2']);
      await home?.start();
      await until(() => app.router.topology().replicas[0]?.health === 'up');
      await home?.pauseReplay();
      await later(movedAt + 2_000 - Date.now());
      await cluster.primary.query('UPDATE account SET balance = balance + 1 WHERE id = 1');
      await cluster.waitForCatchUp();
      await later(movedAt + 2_700 - Date.now());
      const first = await app.get('/plain', session);
      expect(first).toMatchObject({ nodes: ['replica-2'], body: { balance: 1 } });
      await later(movedAt + 6_500 - Date.now());
      const second = await app.get('/plain', session);
      expect(second.body.balance).toBeGreaterThanOrEqual(first.body.balance as number);
      expect(other).toBeDefined();
    } finally {
      await app.close();
      await cluster.stop();
    }
  });

  it('sees its write after a failover to a primary that had replayed less than the other replica', async () => {
    const cluster = await startPostgresCluster({ replicas: 2 });
    const proxy = await startTcpProxy(cluster.primary);
    const [candidate, ahead] = cluster.replicas;
    if (candidate === undefined || ahead === undefined) throw new Error('two replicas');
    const app = await startApp(cluster, [BalanceController], {
      synchronize: true,
      primary: { url: proxy.url },
      replicas: [{ name: 'ahead', url: ahead.url }],
      session: { key: fromHeader('x-session'), ttlMs: 40_000 },
      maxLagMs: 30_000,
    });
    try {
      await app.dataSource.query(`INSERT INTO account (owner) VALUES ('ann')`);
      await cluster.waitForCatchUp();
      await candidate.stop();
      await cluster.primary.query(
        'CREATE TABLE filler AS SELECT repeat(n::text, 100) AS t FROM generate_series(1, 20000) n',
      );
      await cluster.waitForCatchUp();
      await later(300);
      await cluster.primary.kill();
      await candidate.start();
      await candidate.promote();
      proxy.redirect(candidate);
      proxy.reset();
      await until(() => app.router.topology().primary.health === 'up', 'the new primary');
      await until(async () => (await app.post('/add', 'writer')).status === 201, 'the write');
      const [{ balance }] = (await candidate.query<{ balance: number }>(
        'SELECT balance FROM account WHERE id = 1',
      )) as [{ balance: number }];
      expect((await app.get('/plain', 'writer')).body.balance).toBe(balance);
    } finally {
      await app.close();
      await proxy.close();
      await cluster.stop();
    }
  });
});
