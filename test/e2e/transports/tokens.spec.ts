import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { Body, Controller, Get, Injectable, Param, ParseIntPipe, Post } from '@nestjs/common';
import { InjectRepository } from '@nestjs/typeorm';
import {
  DataSourceRouter,
  ForcePrimary,
  fromHeader,
  MemorySessionStore,
  type SessionState,
  type SessionStore,
  type TokenOptions,
  UseReplica,
  WithToken,
} from 'nestjs-replica';
import type { PostgresCluster } from 'nestjs-replica/testing';
import request from 'supertest';
import { Repository } from 'typeorm';
import { Account } from '../../support/accounts.js';
import type { TestApp } from '../../support/test-app.js';
import { startAccountsCluster, whilePaused } from '../module/support/accounts-cluster.js';
import { accountsOn, launchReady } from '../module/support/launch.js';
import { Routes } from './support/routes.js';

@Controller('accounts/:id')
class AccountsController {
  constructor(
    @InjectRepository(Account) private readonly accounts: Repository<Account>,
    private readonly router: DataSourceRouter,
  ) {}

  @Get()
  one(@Param('id', ParseIntPipe) id: number): Promise<Account> {
    return this.accounts.findOneByOrFail({ id });
  }

  @Post('deposit')
  async deposit(@Param('id', ParseIntPipe) id: number): Promise<void> {
    await this.accounts.increment({ id }, 'balance', 1);
  }

  @Post('deposit-with-token')
  async depositWithToken(@Param('id', ParseIntPipe) id: number): Promise<void> {
    await this.router.runWithToken(undefined, () => this.deposit(id));
  }

  @Post('read-with-token')
  async readWithToken(
    @Param('id', ParseIntPipe) id: number,
    @Body() { token }: { token: string },
  ): Promise<Account> {
    await this.deposit(id);
    return this.router.runWithToken(token, () => this.one(id));
  }

  /** Reads, and gives a token. */
  @Post('read-and-token')
  async readAndToken(@Param('id', ParseIntPipe) id: number): Promise<object> {
    const { balance } = await this.one(id);
    return { balance, token: await this.router.currentToken() };
  }

  @Post('replica-and-token')
  @UseReplica()
  replicaAndToken(@Param('id', ParseIntPipe) id: number): Promise<object> {
    return this.readAndToken(id);
  }

  /** Neither reads nor writes. */
  @Post('token')
  async token(): Promise<object> {
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

/** Answers later, as a store in the network does. */
class DistantStore implements SessionStore {
  readonly #memory = new MemorySessionStore();

  async load(key: string): Promise<SessionState | undefined> {
    await new Promise((resolve) => setTimeout(resolve, 5));
    return this.#memory.load(key);
  }

  async save(key: string, state: SessionState, ttlMs: number): Promise<void> {
    await new Promise((resolve) => setTimeout(resolve, 5));
    this.#memory.save(key, state, ttlMs);
  }
}

describe('tokens', () => {
  let cluster: PostgresCluster;
  let app: TestApp;
  let routes: Routes;

  beforeAll(async () => {
    cluster = await startAccountsCluster();
    const session = { key: fromHeader('x-session'), store: new DistantStore() };
    app = await launchReady({
      imports: accountsOn(cluster, { session }),
      controllers: [AccountsController],
      providers: [Jobs],
    });
    routes = new Routes(app.router);
  });

  beforeEach(() => {
    routes.take();
  });

  afterAll(async () => {
    await app?.close();
    await cluster.stop();
  });

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
      await app.post('/accounts/1/deposit-with-token', 'ann');
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
      const { body } = await request(app.nest.getHttpServer())
        .post('/accounts/2/read-with-token')
        .send({ token })
        .expect(201);
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
      for (let round = 0; round < 12; round++) {
        const { body } = await app.post('/accounts/5/replica-and-token');
        if (body.balance === 0) continue;
        seen++;
        expect(await balanceWith(body.token, 5)).toBe(1);
      }
      expect(seen).toBeGreaterThan(0);
    });
  });

  it('cover what the session wrote before, also of a request that touches nothing', async () => {
    const token = await whilePaused(cluster, async () => {
      await app.post('/accounts/6/deposit', 'bob');
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

  it('are refused options that mean nothing, by decorator and call alike', async () => {
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
