/** The primary is gone and nobody is promoted: which reads go on, and which must not. */
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { Controller, Get, Post } from '@nestjs/common';
import { InjectRepository } from '@nestjs/typeorm';
import { ForcePrimary, UseReplica } from 'nestjs-replica';
import { startPostgresCluster, type PostgresCluster } from 'nestjs-replica/testing';
import { Repository } from 'typeorm';
import { Account } from '../support/accounts.js';
import { startApp, type TestApp, until } from '../support/test-app.js';

@Controller()
class BalanceController {
  constructor(@InjectRepository(Account) private readonly accounts: Repository<Account>) {}

  @Get('balance')
  async balance(): Promise<{ balance: number }> {
    return { balance: (await this.accounts.findOneByOrFail({ id: 1 })).balance };
  }

  @Get('eventual')
  @UseReplica({ consistency: 'eventual' })
  eventual(): Promise<object> {
    return this.balance();
  }

  @Get('bounded')
  @UseReplica({ maxStalenessMs: 60_000 })
  bounded(): Promise<object> {
    return this.balance();
  }

  @Get('forced')
  @ForcePrimary()
  forced(): Promise<object> {
    return this.balance();
  }

  @Post('deposits')
  async deposit(): Promise<object> {
    await this.accounts.increment({ id: 1 }, 'balance', 1);
    return this.balance();
  }

  /** Goes on until the server ends. */
  @Post('slow-deposits')
  async depositSlowly(): Promise<void> {
    await this.accounts.query(SLOW_DEPOSIT);
  }
}

const SLOW_DEPOSIT = 'UPDATE account SET balance = balance + 1 WHERE id = 1 AND pg_sleep(100) IS NOT NULL';

let cluster: PostgresCluster;
let app: TestApp;

beforeAll(async () => {
  cluster = await startPostgresCluster({ replicas: 2 });
  await cluster.primary.query(
    `CREATE TABLE account (id serial PRIMARY KEY, owner text NOT NULL, balance int NOT NULL DEFAULT 0);
     INSERT INTO account (owner) VALUES ('ann');`,
  );
  await cluster.waitForCatchUp();
  app = await startApp(cluster, [BalanceController], { maxLagMs: 300, catchUpTimeoutMs: 100 });
});

afterAll(async () => {
  await app?.close();
  await cluster?.stop();
});

describe('without a primary', () => {
  it('reads go on where that breaks no promise', async () => {
    const { body: old } = await app.post('/deposits', 'ann');
    await app.getUntil('/balance', 'ann', ({ nodes }) => nodes[0] !== 'primary');
    await Promise.all(cluster.replicas.map((node) => node.pauseReplay()));
    const { body: latest } = await app.post('/deposits', 'bob');
    const lost = app.post('/slow-deposits', 'carl');
    await until(async () => {
      const running = await cluster.primary.query(`SELECT 1 FROM pg_stat_activity WHERE query = $1`, [
        SLOW_DEPOSIT,
      ]);
      return running.length === 1;
    });
    await cluster.primary.kill();
    expect((await lost).status).toBe(500);
    const isAway = ({ reasons }: { reasons: string[] }): boolean => reasons[0] === 'primary-away';

    expect((await app.getUntil('/balance', 'ann', isAway)).body).toEqual(old);
    expect((await app.getUntil('/balance', undefined, isAway)).body).toEqual(old);
    expect((await app.getUntil('/eventual', 'bob', isAway)).body).toEqual(old);
    // Nobody told carl that his deposit was made.
    expect((await app.getUntil('/balance', 'carl', isAway)).body).toEqual(old);
    for (const [path, session] of [
      ['/balance', 'bob'],
      ['/bounded', 'ann'],
      ['/forced', 'ann'],
    ] as const) {
      expect([path, (await app.get(path, session)).status]).toEqual([path, 500]);
    }

    await Promise.all(cluster.replicas.map((node) => node.resumeReplay()));
    expect((await app.getUntil('/balance', 'bob', isAway)).body).toEqual(latest);
  });

  it('everything is as before when it is back', async () => {
    await cluster.primary.start();
    await until(async () => (await app.post('/deposits', 'ann')).status === 201);
    // The response does not wait for the monitor.
    await until(() => app.router.topology().primary.health === 'up');
    const { balance } = (await app.get('/forced', 'ann')).body;
    const unsure = await app.get('/balance', 'carl');
    expect([unsure.body, unsure.reasons]).toEqual([{ balance }, ['session-unknown']]);
    const back = await app.getUntil('/balance', 'ann', ({ nodes }) => nodes[0] !== 'primary');
    expect(back.body).toEqual({ balance });
    expect(back.reasons).toEqual(['session-replayed']);
  });
});
