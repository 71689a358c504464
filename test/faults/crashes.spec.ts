import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { Controller, Get, Post } from '@nestjs/common';
import { InjectRepository } from '@nestjs/typeorm';
import { startPostgresCluster, type PostgresCluster, type PostgresNode } from 'nestjs-replica/testing';
import { Repository } from 'typeorm';
import { Account } from '../support/accounts.js';
import { crash } from '../support/crash.js';
import { startApp, until, type Answer, type TestApp } from '../support/test-app.js';

@Controller()
class BalanceController {
  constructor(@InjectRepository(Account) private readonly accounts: Repository<Account>) {}

  @Get('balance')
  async balance(): Promise<object> {
    return { balance: (await this.accounts.findOneByOrFail({ id: 1 })).balance };
  }

  @Post('add')
  async add(): Promise<object> {
    await this.accounts.increment({ id: 1 }, 'balance', 1);
    return {};
  }
}

/** What was written within this time a replica shows so much later, when it replays it once more after a crash. */
const DELAY_MS = 2_000;

describe('a replica one of whose processes crashes', () => {
  let cluster: PostgresCluster;
  let app: TestApp;

  beforeAll(async () => {
    cluster = await startPostgresCluster({ replicas: 1 });
    // The monitor of a quiet application asks once in a second.
    app = await startApp(cluster, [BalanceController], { synchronize: true, monitor: { intervalMs: 1_000 } });
    await app.dataSource.query(`INSERT INTO account (owner) VALUES ('ann')`);
    await cluster.waitForCatchUp();
  });
  afterAll(async () => {
    await app?.close();
    await cluster.stop();
  });

  const replica = (): PostgresNode => cluster.replicas[0] as PostgresNode;
  const node = (): { health: string } | undefined => app.router.topology().replicas[0];
  const read = (): Promise<Answer> => app.get('/balance', 'ann');
  const isAnswering = (): Promise<boolean> =>
    replica()
      .query('SELECT 1')
      .then(
        () => true,
        () => false,
      );
  const delay = async (ms: number): Promise<void> => {
    await replica().query(`ALTER SYSTEM SET recovery_min_apply_delay = '${ms}ms'`);
    await replica().query('SELECT pg_reload_conf()');
  };
  /** Writes, and waits until the session reads its write from the replica. */
  const writeAndRead = async (): Promise<number> => {
    await until(isAnswering);
    await delay(0);
    await app.post('/add', 'ann');
    const answer = await app.getUntil('/balance', 'ann', ({ nodes }) => nodes[0] === 'replica-1');
    return answer.body.balance;
  };
  /** Has what the replica shows go back, for as long as it was told to delay. */
  const goBack = async (): Promise<void> => {
    await delay(DELAY_MS);
    await crash(replica());
  };

  it('shows nobody the state of before while it recovers, and serves again when it is where it was', async () => {
    for (let round = 0; round < 2; round++) {
      const balance = await writeAndRead();
      await goBack();
      const answers: Answer[] = [];
      await until(async () => {
        answers.push(await read());
        return answers.some(({ nodes }) => nodes[0] === 'primary') && node()?.health === 'up';
      }, 'the return');
      expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([200]));
      expect(answers.filter((answer) => answer.body.balance < balance)).toEqual([]);
    }
  });

  it('shows nobody the state of before where it crashes and recovers while nobody asks for anything', async () => {
    const balance = await writeAndRead();
    await goBack();
    await until(isAnswering);
    for (let count = 0; count < 50; count++) expect((await read()).body.balance).toBe(balance);
  });

  it('is not that where only connections are lost: it goes on serving', async () => {
    await writeAndRead();
    const changes: string[] = [];
    app.router.on('node:down', ({ problem }) => changes.push(problem));
    for (let count = 0; count < 5; count++) {
      await replica().query(
        `SELECT pg_terminate_backend(pid) FROM pg_stat_activity
         WHERE backend_type = 'client backend' AND pid <> pg_backend_pid()`,
      );
      await app.getUntil('/balance', 'ann', ({ nodes }) => nodes[0] === 'replica-1');
    }
    expect(changes).toEqual([]);
  });
});
