import { describe, expect, it } from '@jest/globals';
import { Body, Controller, Injectable, Param, ParseIntPipe, Post } from '@nestjs/common';
import { InjectRepository } from '@nestjs/typeorm';
import {
  DataSourceRouter,
  ForcePrimary,
  fromHeader,
  type TokenOptions,
  UseReplica,
  WithToken,
} from 'nestjs-replica';
import { Repository } from 'typeorm';
import { useApp } from '../../support/app/start-app.js';
import { SharedStore } from '../../support/app/shared-store.js';
import { useRoutes } from '../../support/app/routes.js';
import { until } from '../../support/until.js';
import { useLedgerCluster, whilePaused } from '../../support/cluster/use-cluster.js';
import { Account } from '../../support/ledger/accounts.js';
import { LedgerController } from '../../support/ledger/ledger.controller.js';

@Controller()
class TokensController extends LedgerController {
  @Post('accounts/:id/add-with-token')
  addWithToken(@Param('id', ParseIntPipe) id: number): Promise<object> {
    return this.router.runWithToken(undefined, () => this.add(id));
  }

  @Post('accounts/:id/read-with-token')
  async readWithToken(
    @Param('id', ParseIntPipe) id: number,
    @Body() { token }: { token: string },
  ): Promise<Account | null> {
    await this.add(id);
    return this.router.runWithToken(token, () => this.one(id));
  }

  /** Reads, and gives a token. */
  @Post('accounts/:id/read-and-token')
  readAndToken(@Param('id', ParseIntPipe) id: number): Promise<object> {
    return this.token(id);
  }

  @Post('accounts/:id/replica-and-token')
  @UseReplica()
  replicaAndToken(@Param('id', ParseIntPipe) id: number): Promise<object> {
    return this.token(id);
  }

  /** Neither reads nor writes. */
  @Post('accounts/:id/token')
  async tokenOnly(): Promise<object> {
    return { token: await this.router.currentToken() };
  }
}

/** Its contexts have no session. */
@Injectable()
class Jobs {
  constructor(
    @InjectRepository(Account) private readonly accounts: Repository<Account>,
    private readonly router: DataSourceRouter,
  ) {}

  @ForcePrimary()
  async readAndToken(id: number): Promise<{ balance: number; token: string }> {
    const { balance } = await this.accounts.findOneByOrFail({ id });
    return { balance, token: await this.router.currentToken() };
  }
}

const cluster = useLedgerCluster();

describe('tokens', () => {
  const session = { key: fromHeader('x-session'), store: new SharedStore({ delayMs: 5 }) };
  const app = useApp(cluster, [TokensController], { session }, { providers: [Jobs] });
  const routes = useRoutes(app);

  const balanceWith = async (token: string, id: number, options?: TokenOptions): Promise<number> =>
    (await app.router.runWithToken(token, () => app.accounts.findOneByOrFail({ id }), options)).balance;

  async function withOneReplicaPaused(work: () => Promise<void>): Promise<void> {
    await cluster.replicas[1]?.pauseReplay();
    try {
      await work();
    } finally {
      await cluster.replicas[1]?.resumeReplay();
      await cluster.waitForCatchUp();
    }
  }

  it('bind the session of the request around them to what they wrote', async () => {
    await whilePaused(cluster, async () => {
      await app.post('/accounts/1/add-with-token', 'ann');
      expect(await app.get('/accounts/1', 'ann')).toMatchObject({
        body: { balance: 1 },
        reasons: ['session-ahead'],
      });
    });
  });

  it('show what the request around them wrote, whatever they cover', async () => {
    const token = await app.router.currentToken();
    await app.router.waitForToken(token, { timeoutMs: 5_000 });
    await whilePaused(cluster, async () => {
      const { body } = await app.http.post('/accounts/2/read-with-token').send({ token }).expect(201);
      expect(body.balance).toBe(1);
    });
  });

  it('read from a replica that shows what they cover, though others do not', async () => {
    await withOneReplicaPaused(async () => {
      await app.accounts.increment({ id: 3 }, 'balance', 1);
      for (let round = 0; round < 8; round++) {
        const token = await app.router.currentToken();
        await app.router.waitForToken(token, { timeoutMs: 5_000 });
        expect(await balanceWith(token, 3)).toBe(1);
      }
    });
    expect(routes.take().slice(1)).toEqual(Array(8).fill('replica session-replayed'));
  });

  it('cover what was read on the primary, with and without a session', async () => {
    await whilePaused(cluster, async () => {
      await app.accounts.increment({ id: 4 }, 'balance', 1);
      const { body } = await app.post('/accounts/4/read-and-token');
      expect(body.balance).toBe(1);
      expect(await balanceWith(body.token, 4)).toBe(1);
      const { balance, token } = await app.nest.get(Jobs).readAndToken(4);
      expect(balance).toBe(1);
      expect(await balanceWith(token, 4)).toBe(1);
    });
  });

  it('cover what a request read on one replica that is ahead of the other', async () => {
    await withOneReplicaPaused(async () => {
      await app.accounts.increment({ id: 5 }, 'balance', 1);
      const position = await app.router.currentToken();
      await app.router.waitForToken(position, { timeoutMs: 5_000 });
      let seen = 0;
      // Chance chooses the replica, and only one of the two shows the deposit.
      await until(async () => {
        const { body } = await app.post('/accounts/5/replica-and-token');
        if (body.balance === 0) return false;
        expect(await balanceWith(body.token, 5)).toBe(1);
        return ++seen === 6;
      }, 'reads on the replica that is ahead');
    });
  });

  it('cover what the session wrote before, also of a request that touches nothing', async () => {
    const token = await whilePaused(cluster, async () => {
      await app.post('/accounts/6/add', 'bob');
      const { body } = await app.post('/accounts/6/token', 'bob');
      expect(await balanceWith(body.token, 6)).toBe(1);
      return body.token as string;
    });
    expect(await app.router.waitForToken(token, { timeoutMs: 5_000 })).toBe(true);
  });

  it('fail with onLag retry while no replica shows what they cover, before anything is done', async () => {
    await whilePaused(cluster, async () => {
      await app.accounts.increment({ id: 7 }, 'balance', 1);
      const token = await app.router.currentToken();
      let isRun = false;
      const run = app.router.runWithToken(token, () => (isRun = true), { onLag: 'retry', timeoutMs: 10 });
      await expect(run).rejects.toMatchObject({
        name: 'ReplicaBehindError',
        code: 'REPLICA_BEHIND',
        waitedMs: 10,
        replicas: [
          { name: 'replica-1', health: 'up', lagMs: expect.any(Number) },
          { name: 'replica-2', health: 'up', lagMs: expect.any(Number) },
        ],
      });
      expect(isRun).toBe(false);
      app.router.disable();
      expect(await balanceWith(token, 7, { onLag: 'retry', timeoutMs: 10 })).toBe(1);
      app.router.enable();
    });
  });

  it('reject invalid options, in decorators and calls alike', async () => {
    const wrong = { onLag: 'later', timeoutMs: 0, consistency: 'weak' } as unknown as TokenOptions;
    const problems = [
      expect.stringMatching(/consistency must be one of .* not a text/),
      expect.stringMatching(/onLag must be one of 'primary', 'wait', 'retry', not a text/),
      expect.stringMatching(/timeoutMs must be a number of at least 1, not 0/),
    ];
    expect(() => WithToken(() => undefined, wrong)).toThrow(expect.objectContaining({ problems }));
    await expect(app.router.runWithToken('', () => 1, wrong)).rejects.toMatchObject({ problems });
    expect(() => WithToken(() => undefined, { timeoutMs: 5 })).toThrow(/belongs to onLag 'wait' and 'retry'/);
    expect(() => WithToken(() => undefined, 'wait' as TokenOptions)).toThrow(/must be an object/);
    expect(() => UseReplica(null as never)).toThrow(/must be an object/);
    await expect(app.router.runWithToken('', () => 1, null as never)).rejects.toThrow(/must be an object/);
    expect(() => WithToken(() => undefined, { dataSource: '' })).toThrow(/dataSource must be the name/);
    expect(() => UseReplica({ dataSource: 5 as unknown as string })).toThrow(/dataSource must be the name/);
  });
});
