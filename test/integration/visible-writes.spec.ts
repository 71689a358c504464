/** `@SyncWrite()` and `waitUntilVisible()`: who waits for which replicas, and what happens if they do not come. */
import { afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import {
  type ArgumentsHost,
  Catch,
  Controller,
  type ExceptionFilter,
  Get,
  Injectable,
  Post,
  Res,
  UseFilters,
} from '@nestjs/common';
import { InjectRepository } from '@nestjs/typeorm';
import {
  DataSourceRouter,
  ForcePrimary,
  InvalidReplicaOptionsError,
  SyncWrite,
  UseReplica,
  WriteNotVisibleError,
  type NotVisibleEvent,
  type ReplicaModuleOptions,
} from 'nestjs-replica';
import type { PostgresNode } from 'nestjs-replica/testing';
import type { ServerResponse } from 'node:http';
import { defer, type Observable } from 'rxjs';
import { Repository } from 'typeorm';
import { startApp, useApp } from '../support/app/start-app.js';
import { startSource } from '../support/app/start-source.js';
import { answerOf } from '../support/app/test-app.js';
import { pauseReplay, resumeReplay, useLedgerCluster, whilePaused } from '../support/cluster/use-cluster.js';
import { Account } from '../support/ledger/accounts.js';
import { until } from '../support/until.js';

/** Longer than any test may take: who waits for so long fails it. */
const TOO_LONG_MS = 300_000;
const SOON_MS = 150;

@Injectable()
class Bank {
  constructor(
    @InjectRepository(Account) readonly accounts: Repository<Account>,
    readonly router: DataSourceRouter,
  ) {}

  async add(): Promise<number> {
    await this.accounts.increment({ id: 1 }, 'balance', 1);
    return 1;
  }

  @SyncWrite({ timeoutMs: TOO_LONG_MS })
  addVisibly(): Promise<number> {
    return this.add();
  }

  @SyncWrite({ timeoutMs: SOON_MS, onTimeout: 'error' })
  addSoon(): Promise<number> {
    return this.add();
  }

  @SyncWrite({ timeoutMs: TOO_LONG_MS })
  addStreaming(): Observable<number> {
    return defer(() => this.add());
  }

  /** Commits nothing of its own. */
  @SyncWrite({ timeoutMs: TOO_LONG_MS })
  async addInside(accounts: Repository<Account>): Promise<void> {
    await accounts.increment({ id: 1 }, 'balance', 1);
  }
}

@Injectable()
@SyncWrite({ timeoutMs: SOON_MS, onTimeout: 'error' })
class StrictBank extends Bank {
  override add(): Promise<number> {
    return super.add();
  }

  @SyncWrite({ timeoutMs: SOON_MS })
  @UseReplica()
  lenient(): Promise<number> {
    return this.accounts.increment({ id: 1 }, 'balance', 1).then(() => 2);
  }
}

@Catch(WriteNotVisibleError)
class Told implements ExceptionFilter {
  catch({ code, because, visibleOn }: WriteNotVisibleError, host: ArgumentsHost): void {
    const response = host.switchToHttp().getResponse<{ status(code: number): { json(it: object): void } }>();
    response.status(504).json({ code, because, visibleOn });
  }
}

@Controller()
@UseFilters(Told)
@SyncWrite({ timeoutMs: TOO_LONG_MS })
class BankController {
  constructor(private readonly bank: Bank) {}

  @Post('all')
  all(): Promise<number> {
    return this.bank.add();
  }

  @Post('one')
  @SyncWrite({ visibleOn: 1, timeoutMs: TOO_LONG_MS })
  one(): Promise<number> {
    return this.bank.add();
  }

  @Post('own-answer')
  async ownAnswer(@Res() response: ServerResponse): Promise<void> {
    await this.bank.add();
    response.end('{}');
  }

  @Post('own-answer-soon')
  @SyncWrite({ timeoutMs: SOON_MS, onTimeout: 'error' })
  async ownAnswerSoon(@Res() response: ServerResponse): Promise<void> {
    await this.bank.add();
    response.end('{}');
  }

  @Post('fails')
  async fails(): Promise<void> {
    await this.bank.add();
    throw new TypeError('after the write');
  }

  @Post('streams')
  streams(): Observable<number> {
    return defer(() => this.bank.add());
  }

  @Post('job')
  job(): Promise<number> {
    return this.bank.router.runWithToken(undefined, () => this.bank.add());
  }

  @Post('nothing')
  nothing(): Promise<Account | null> {
    return this.bank.accounts.findOneBy({ id: 1 });
  }

  @Get('look')
  @ForcePrimary()
  look(): Promise<Account | null> {
    return this.nothing();
  }

  @Post('continues')
  @SyncWrite({ timeoutMs: SOON_MS })
  continues(): Promise<number> {
    return this.bank.add();
  }

  @Post('gives-up')
  @SyncWrite({ timeoutMs: SOON_MS, onTimeout: 'error' })
  givesUp(): Promise<number> {
    return this.bank.add();
  }

  @Post('fails-and-is-late')
  @SyncWrite({ timeoutMs: SOON_MS, onTimeout: 'error' })
  failsAndIsLate(): Promise<void> {
    return this.fails();
  }
}

const cluster = useLedgerCluster();

describe('writes that wait for replicas', () => {
  const app = useApp(
    cluster,
    [BankController],
    { session: { ttlMs: TOO_LONG_MS }, maxLagMs: 120_000 },
    { providers: [Bank, StrictBank] },
  );
  let missed: NotVisibleEvent[] = [];

  beforeAll(() => void app.router.on('visibility:missed', (event) => void missed.push(event)));
  afterEach(async () => {
    missed = [];
    await resumeReplay(cluster);
    await cluster.waitForCatchUp();
    await app.allUp();
  });

  const balanceOn = async (node: PostgresNode): Promise<number> => {
    const [row] = await node.query<{ balance: number }>('SELECT balance FROM account WHERE id = 1');
    return Number(row?.balance);
  };

  /** What `work` comes to, which waits for all replicas: they lag, and show its write when it is over. */
  async function waitingForAll<T>(work: () => PromiseLike<T>): Promise<T> {
    const before = await balanceOn(cluster.primary);
    await pauseReplay(cluster);
    let isOver = false;
    const running = Promise.resolve(work()).finally(() => (isOver = true));
    await until(async () => (await balanceOn(cluster.primary)) === before + 1, 'the write');
    await cluster.replicas[0]?.resumeReplay();
    await until(async () => (await balanceOn(cluster.replicas[0] as PostgresNode)) === before + 1, 'replay');
    expect(isOver).toBe(false);
    await cluster.replicas[1]?.resumeReplay();
    const result = await running;
    expect(await Promise.all(cluster.replicas.map(balanceOn))).toEqual([before + 1, before + 1]);
    return result;
  }

  it.each(['all', 'own-answer', 'streams', 'job'])('keeps the answer of a handler back: %s', async (path) => {
    expect(await waitingForAll(() => app.post(`/${path}`))).toMatchObject({ status: 201 });
    expect(missed).toEqual([]);
  });

  it('keeps an error back, because something was written before it', async () => {
    expect(await waitingForAll(() => app.post('/fails'))).toMatchObject({ status: 500 });
  });

  it('keeps back what a method of a provider promises, outside a request', async () => {
    expect(await waitingForAll(() => app.nest.get(Bank).addVisibly())).toBe(1);
  });

  it('keeps back what a method of a provider streams', async () => {
    const seen: number[] = [];
    await waitingForAll(() =>
      app.nest
        .get(Bank)
        .addStreaming()
        .forEach((value) => void seen.push(value)),
    );
    expect(seen).toEqual([1]);
  });

  it('waits for as many replicas as are asked for', async () => {
    const [first, second] = cluster.replicas as [PostgresNode, PostgresNode];
    await first.pauseReplay();
    expect((await app.post('/one')).status).toBe(201);
    expect(await balanceOn(second)).toBe(await balanceOn(cluster.primary));
    expect(await balanceOn(first)).toBeLessThan(await balanceOn(cluster.primary));
  });

  it('waits for nothing if nothing was written, and at once after what others have written', async () => {
    await whilePaused(cluster, async () => {
      await cluster.primary.query('UPDATE account SET balance = balance + 1 WHERE id = 1');
      expect((await app.post('/nothing')).status).toBe(201);
      expect((await app.get('/look')).status).toBe(200);
    });
  });

  it('waits for nothing inside a transaction of the caller, whose end it would wait for', async () => {
    const before = await balanceOn(cluster.primary);
    await whilePaused(cluster, () =>
      app.dataSource.transaction((manager) => app.nest.get(Bank).addInside(manager.getRepository(Account))),
    );
    expect(await balanceOn(cluster.primary)).toBe(before + 1);
  });

  it('lets the answer leave late without the replicas, and says so in a header and an event', async () => {
    await whilePaused(cluster, async () => {
      const response = await app.http.post('/continues');
      expect(response.headers['x-replica-not-visible']).toBe('timeout');
      expect(answerOf(response).status).toBe(201);
    });
    expect(missed).toEqual([
      { because: 'timeout', visibleOn: 'all', serving: 2, visible: 0, waitedMs: expect.any(Number) },
    ]);
    expect(missed[0]?.waitedMs).toBeGreaterThanOrEqual(SOON_MS - 1);
    expect((await app.http.post('/continues')).headers['x-replica-not-visible']).toBeUndefined();
  });

  it('fails if that was asked for, unless the handler has failed itself', async () => {
    await whilePaused(cluster, async () => {
      const body = { code: 'REPLICA_WRITE_NOT_VISIBLE', because: 'timeout', visibleOn: 'all' };
      expect(await app.post('/gives-up')).toMatchObject({ status: 504, body });
      expect(await app.post('/fails-and-is-late')).toMatchObject({ status: 500 });
      await expect(app.nest.get(Bank).addSoon()).rejects.toBeInstanceOf(WriteNotVisibleError);
    });
  });

  it('closes the connection where the handler itself has sent an answer that must not leave', async () => {
    await whilePaused(cluster, () =>
      expect(Promise.resolve(app.http.post('/own-answer-soon'))).rejects.toThrow(/socket hang up|ECONNRESET/),
    );
  });

  it('goes by the decorator of the class unless the method has one of its own', async () => {
    const bank = app.nest.get(StrictBank);
    await whilePaused(cluster, async () => {
      await expect(bank.add()).rejects.toThrow('Do not write it again');
      expect(await bank.lenient()).toBe(2);
    });
    expect(await bank.add()).toBe(1);
  });

  it('waits outside requests for all that was committed', async () => {
    await cluster.primary.query('UPDATE account SET balance = balance + 1 WHERE id = 1');
    expect(await app.router.waitUntilVisible()).toBe(true);
    const balances = await Promise.all(cluster.nodes.map(balanceOn));
    expect(new Set(balances).size).toBe(1);
    await whilePaused(cluster, async () => {
      await cluster.primary.query('UPDATE account SET balance = balance + 1 WHERE id = 1');
      expect(await app.router.waitUntilVisible({ on: 1, timeoutMs: SOON_MS })).toBe(false);
      await app.router.runOnPrimary(async () => {
        expect(await app.router.waitUntilVisible({ timeoutMs: TOO_LONG_MS })).toBe(true);
        await app.nest.get(Bank).add();
        expect(await app.router.waitUntilVisible({ timeoutMs: SOON_MS })).toBe(false);
      });
    });
    expect(missed).toHaveLength(2);
  });

  it('tells at once what nobody can wait for', async () => {
    await expect(app.router.waitUntilVisible({ on: 3 })).rejects.toThrow(
      "on asks for 3 replicas, but there are only 2: ask for fewer, or for 'all'",
    );
    await expect(app.router.waitUntilVisible({ on: 0 })).rejects.toThrow('a whole number from 1, not 0');
    await expect(app.router.waitUntilVisible({ visibleOn: 1 } as object)).rejects.toThrow('visibleOn');
    expect(() => SyncWrite({ visibleOn: 1.5 })).toThrow(InvalidReplicaOptionsError);
    expect(() => SyncWrite({ onTimeout: 'ignore' as 'error', timeoutMs: 0 })).toThrow(
      /onTimeout[^]*timeoutMs|timeoutMs[^]*onTimeout/,
    );
    expect(() => SyncWrite(null as never)).toThrow(InvalidReplicaOptionsError);
    expect(() => SyncWrite()(BankController.prototype, 'bank', { value: 1 })).toThrow(TypeError);
  });

  it('also waits while routing is disabled, because other processes may read from replicas', async () => {
    app.router.disable();
    try {
      expect(await waitingForAll(() => app.post('/all'))).toMatchObject({ nodes: ['primary'] });
    } finally {
      app.router.enable();
    }
  });

  it('does not wait for a replica that is drained or down', async () => {
    const [first, second] = cluster.replicas as [PostgresNode, PostgresNode];
    await first.pauseReplay();
    await app.router.drain(first.name);
    expect((await app.post('/all')).status).toBe(201);
    app.router.resume(first.name);
    await second.stop();
    await until(() => app.router.topology().replicas[1]?.health === 'down', 'a replica that is down');
    await first.resumeReplay();
    await cluster.waitForCatchUp();
    expect((await app.post('/all')).status).toBe(201);
    await second.start();
  });
});

describe('writes that wait for replicas, at boot', () => {
  @Controller()
  class GreedyController {
    @Post('greedy')
    @SyncWrite({ visibleOn: 3 })
    greedy(): void {}
  }

  const start = (changes: Partial<ReplicaModuleOptions>): Promise<unknown> =>
    startApp(cluster, [GreedyController], changes).then((app) => app.close());

  it('ends the start if there are too few replicas, or no positions', async () => {
    await expect(start({})).rejects.toThrow(
      "@SyncWrite() of GreedyController.greedy: visibleOn asks for 3 replicas, but there are only 2: ask for fewer, or for 'all'",
    );
    await expect(start({ sticky: { mode: 'time' } })).rejects.toThrow(
      "sticky.mode 'time' learns no positions",
    );
  });

  it('starts without replicas, where there is nothing to wait for', async () => {
    await start({ replicas: [] });
    const source = await startSource(cluster, { replicas: [] });
    expect(await source.router.waitUntilVisible({ on: 3 })).toBe(true);
    await source.destroy();
  });

  it('keeps answers back on Fastify, too', async () => {
    const fastify = await startApp(cluster, [BankController], {}, { providers: [Bank], platform: 'fastify' });
    await whilePaused(cluster, async () => {
      expect((await fastify.http.post('/continues')).headers['x-replica-not-visible']).toBe('timeout');
    });
    expect((await fastify.post('/all')).status).toBe(201);
    await fastify.close();
  });
});
