import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { BullModule, getQueueToken, InjectQueue, Processor, WorkerHost } from '@nestjs/bullmq';
import { Controller, Injectable, Param, ParseIntPipe, Post } from '@nestjs/common';
import { InjectRepository } from '@nestjs/typeorm';
import { type Job, type Queue, QueueEvents } from 'bullmq';
import { DataSourceRouter, UseReplica, WithToken } from 'nestjs-replica';
import { setTimeout as delay } from 'node:timers/promises';
import { Repository } from 'typeorm';
import { RedisServer } from './support/redis-server.js';
import { startApp } from '../support/app/start-app.js';
import type { TestApp } from '../support/app/test-app.js';
import { Routes, ON_REPLICA } from '../support/app/routes.js';
import { until } from '../support/until.js';
import { useLedgerCluster, whilePaused } from '../support/cluster/use-cluster.js';
import { Account } from '../support/ledger/accounts.js';

interface Receipt {
  readonly id: number;
  readonly replicaToken?: string;
}

@Injectable()
class Balances {
  constructor(@InjectRepository(Account) readonly accounts: Repository<Account>) {}

  async of(id: number): Promise<number> {
    return (await this.accounts.findOneByOrFail({ id })).balance;
  }
}

@Controller('accounts')
class AccountsController {
  constructor(
    @InjectRepository(Account) private readonly accounts: Repository<Account>,
    @InjectQueue('retry') private readonly receipts: Queue<Receipt>,
    private readonly router: DataSourceRouter,
  ) {}

  @Post(':id/deposit')
  async deposit(@Param('id', ParseIntPipe) id: number): Promise<object> {
    await this.accounts.increment({ id }, 'balance', 1);
    const replicaToken = await this.router.currentToken();
    const job = await this.receipts.add(
      'receipt',
      { id, replicaToken },
      { attempts: 50, backoff: { type: 'fixed', delay: 100 } },
    );
    return { job: job.id };
  }
}

@Processor('retry')
class ReceiptProcessor extends WorkerHost {
  constructor(private readonly balances: Balances) {
    super();
  }

  @WithToken((job: Job<Receipt>) => job.data.replicaToken, { onLag: 'retry', timeoutMs: 20 })
  process({ data }: Job<Receipt>): Promise<number> {
    return this.balances.of(data.id);
  }
}

@Processor('wait')
class WaitProcessor extends WorkerHost {
  constructor(private readonly balances: Balances) {
    super();
  }

  @WithToken((job: Job<Receipt>) => job.data.replicaToken, { onLag: 'wait', timeoutMs: 2_000 })
  process({ data }: Job<Receipt>): Promise<number> {
    return this.balances.of(data.id);
  }
}

@Processor('primary')
class PrimaryProcessor extends WorkerHost {
  constructor(private readonly balances: Balances) {
    super();
  }

  @WithToken((job: Job<Receipt>) => job.data.replicaToken)
  process({ data }: Job<Receipt>): Promise<number> {
    return this.balances.of(data.id);
  }
}

@Processor('plain')
@UseReplica()
class PlainProcessor extends WorkerHost {
  constructor(private readonly balances: Balances) {
    super();
  }

  async process({ data }: Job<Receipt>): Promise<number> {
    await this.balances.accounts.increment({ id: data.id }, 'balance', 1);
    return this.balances.of(data.id);
  }
}

const QUEUES = ['retry', 'wait', 'primary', 'plain'];

const cluster = useLedgerCluster();

describe('jobs of BullMQ', () => {
  let redis: RedisServer;
  let app: TestApp;
  let routes: Routes;
  const events: QueueEvents[] = [];

  beforeAll(async () => {
    redis = await RedisServer.start();
    const connection = { host: '127.0.0.1', port: redis.port };
    app = await startApp(
      cluster,
      [AccountsController],
      {},
      {
        imports: [
          BullModule.forRoot({ connection }),
          ...QUEUES.map((name) => BullModule.registerQueue({ name })),
        ],
        providers: [Balances, ReceiptProcessor, WaitProcessor, PrimaryProcessor, PlainProcessor],
      },
    );
    routes = new Routes(app.router);
    for (const name of QUEUES) events.push(new QueueEvents(name, { connection }));
    await Promise.all(events.map((queue) => queue.waitUntilReady()));
  });

  afterEach(() => {
    routes.take();
  });

  afterAll(async () => {
    await Promise.all(events.map((queue) => queue.close()));
    await app?.close();
    await redis.stop();
  });

  const queue = (name: string): Queue<Receipt> => app.nest.get(getQueueToken(name));
  const resultOf = (job: Job<Receipt>): Promise<number> =>
    job.waitUntilFinished(events[QUEUES.indexOf(job.queueName)] as QueueEvents);

  async function deposit(id: number): Promise<string> {
    await app.accounts.increment({ id }, 'balance', 1);
    const token = await app.router.currentToken();
    routes.take();
    return token;
  }

  it('read from a replica at once when it shows what the token covers', async () => {
    const replicaToken = await deposit(1);
    await app.router.waitForToken(replicaToken, { timeoutMs: 5_000 });
    const jobs = ['retry', 'wait', 'primary'].map((name) => queue(name).add('job', { id: 1, replicaToken }));
    for (const job of jobs) expect(await resultOf(await job)).toBe(1);
    expect(routes.take()).toEqual(Array(3).fill('replica session-replayed'));
  });

  it('read from the primary meanwhile with onLag primary, the default', async () => {
    await whilePaused(cluster, async () => {
      const job = await queue('primary').add('job', { id: 2, replicaToken: await deposit(2) });
      expect(await resultOf(job)).toBe(1);
    });
    expect(routes.take()).toEqual(['primary session-ahead']);
  });

  it('wait with onLag wait, and read from the replica that has caught up', async () => {
    let job: Job<Receipt> | undefined;
    await whilePaused(cluster, async () => {
      job = await queue('wait').add('job', { id: 3, replicaToken: await deposit(3) });
      await until(() => job?.isActive() ?? false, 'the job');
      await delay(100);
      expect(routes.take()).toEqual([]);
    });
    expect(await resultOf(job as Job<Receipt>)).toBe(1);
    expect(routes.take()).toEqual(['replica session-replayed']);
  });

  it('read from the primary when no replica caught up in time', async () => {
    await whilePaused(cluster, async () => {
      const beganMs = performance.now();
      const job = await queue('wait').add('job', { id: 4, replicaToken: await deposit(4) });
      expect(await resultOf(job)).toBe(1);
      expect(performance.now() - beganMs).toBeGreaterThanOrEqual(1_990);
    });
    expect(routes.take()).toEqual(['primary session-ahead']);
  });

  it('fail with onLag retry before they do anything, and succeed once a replica has caught up', async () => {
    let id: string | undefined;
    await whilePaused(cluster, async () => {
      id = (await app.post('/accounts/5/deposit')).body.job as string;
      routes.take();
      await until(
        async () => ((await queue('retry').getJob(id as string))?.attemptsMade ?? 0) >= 2,
        'retries',
      );
      const job = await queue('retry').getJob(id);
      expect(job?.failedReason).toMatch(
        /^No replica shows what the token covers after 20 ms \(replica-1 lags \d+ ms, replica-2 lags \d+ ms\)/,
      );
      expect(routes.take()).toEqual([]);
    });
    const job = (await queue('retry').getJob(id as string)) as Job<Receipt>;
    expect(await resultOf(job)).toBe(1);
    expect(routes.take()).toEqual(['replica session-replayed']);
  });

  it('see what they wrote themselves without a token, if their class is decorated', async () => {
    await whilePaused(cluster, async () => {
      const job = await queue('plain').add('job', { id: 6 });
      expect(await resultOf(job)).toBe(1);
    });
    expect(routes.take()).toEqual(['primary write', 'primary own-write']);
  });

  it('count without a token as a session that has written nothing', async () => {
    await resultOf(await queue('retry').add('job', { id: 7 }));
    expect(routes.take()).toEqual([ON_REPLICA]);
  });
});
