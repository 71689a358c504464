import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { Controller, Get, Logger, Param, ParseIntPipe, Post } from '@nestjs/common';
import { Redis } from 'ioredis';
import { fromHeader, RedisSessionStore, UseReplica } from 'nestjs-replica';
import { setTimeout as delay } from 'node:timers/promises';
import { RedisServer } from './support/redis-server.js';
import { startApp } from '../support/app/start-app.js';
import type { TestApp } from '../support/app/test-app.js';
import { REPLICA } from '../support/app/routes.js';
import { until } from '../support/until.js';
import { useLedgerCluster, whilePaused } from '../support/cluster/use-cluster.js';
import { Account } from '../support/ledger/accounts.js';
import { LedgerController } from '../support/ledger/ledger.controller.js';

@Controller()
class RepeatingController extends LedgerController {
  @Get('accounts/:id/thrice')
  async thrice(@Param('id', ParseIntPipe) id: number): Promise<unknown> {
    await this.one(id);
    return Promise.all([this.one(id), this.one(id)]);
  }

  @Post('accounts/:id/add-twice-and-read')
  @UseReplica()
  async addTwice(@Param('id', ParseIntPipe) id: number): Promise<unknown> {
    await this.add(id);
    await this.one(id);
    await this.add(id);
    return this.one(id);
  }
}

const TIMEOUT_MS = 250;
/** What a request may take beside the wait for the store, on a busy machine. */
const REST_MS = 1_000;

/** One application instance with a connection of its own to Redis, and what it sent there. */
interface Instance {
  readonly app: TestApp;
  readonly redis: Redis;
  readonly sent: ('load' | 'save')[];
}

const cluster = useLedgerCluster();

describe('two application instances that share a Redis', () => {
  let server: RedisServer;
  let a: Instance;
  let b: Instance;
  let sessions = 0;
  let session: string;

  beforeAll(async () => {
    server = await RedisServer.start();
    a = await startInstance();
    b = await startInstance();
  });
  afterAll(async () => {
    for (const instance of [a, b]) {
      await instance?.app.close();
      instance?.redis.disconnect();
    }
    await server?.stop();
  });
  beforeEach(() => {
    session = `session-${++sessions}`;
    clearSent();
  });

  async function startInstance(): Promise<Instance> {
    const redis = new Redis(server.port, { retryStrategy: () => 50 });
    redis.on('error', () => undefined);
    const sent: Instance['sent'] = [];
    const store = new RedisSessionStore({
      client: ([command = '', ...args]) => {
        sent.push(args.length === 3 ? 'load' : 'save');
        return redis.call(command, ...args);
      },
    });
    const app = await startApp(cluster, [RepeatingController], {
      session: { key: fromHeader('x-session'), store, timeoutMs: TIMEOUT_MS },
    });
    return { app, redis, sent };
  }

  function clearSent(): void {
    a.sent.length = 0;
    b.sent.length = 0;
  }

  it('know at once what a request without a session wrote for one that it named', async () => {
    await whilePaused(cluster, async () => {
      await a.app.post(`/accounts/20/add-for/${session}`);
      expect((await b.app.get('/accounts/20', session)).body).toMatchObject({ balance: 1 });
      expect((await b.app.get('/accounts/20', 'a stranger')).body).toMatchObject({ balance: 0 });
    });
  });

  it('show a session on one what it wrote on the other, with replay paused, and go back to replicas', async () => {
    await whilePaused(cluster, async () => {
      await a.app.post('/accounts/1/add', session);
      expect(await b.app.get('/accounts/1', session)).toMatchObject({
        body: { balance: 1 },
        nodes: ['primary'],
        reasons: ['session-ahead'],
      });
      expect((await b.app.get('/accounts/1', 'a stranger')).body.balance).toBe(0);
    });
    const back = await b.app.getUntil('/accounts/1', session, ({ nodes }) => nodes[0] !== 'primary');
    expect(back).toMatchObject({ body: { balance: 1 }, reasons: ['session-replayed'] });
  });

  it('keep the larger position when one session writes on both at once', async () => {
    await whilePaused(cluster, async () => {
      for (let round = 1; round <= 10; round++) {
        await Promise.all(
          Array.from({ length: 6 }, (_, index) =>
            (index % 2 === 0 ? a : b).app.post('/accounts/2/add', session),
          ),
        );
        const [onA, onB] = await Promise.all([
          a.app.get('/accounts/2', session),
          b.app.get('/accounts/2', session),
        ]);
        expect([onA.body.balance, onB.body.balance]).toEqual([6 * round, 6 * round]);
      }
    });
  });

  it.each([
    // Other instances may know other replicas: it is noted which one answered.
    ['a first read', 'get', '/accounts/3', ['load', 'save']],
    ['three first reads', 'get', '/accounts/3/thrice', ['load', 'save']],
    ['a write', 'post', '/accounts/3/add', ['save']],
    ['writes and reads', 'post', '/accounts/3/add-twice-and-read', ['load', 'save']],
    ['a read that may be 60 s old', 'get', '/accounts/3/bounded', []],
    ['a read that may be old', 'get', '/accounts/3/eventual', []],
    ['a request that leaves the database alone', 'post', '/nothing', []],
    // Nothing is loaded; what it was shown there is saved, so that no later page is older.
    ['a read that is forced to the primary', 'get', '/accounts/3/forced', ['save']],
  ] as const)('ask Redis for %s no more than needed', async (_, method, path, expected) => {
    await a.app.call(method, path, session);
    expect(a.sent).toEqual(expected);
  });

  it('ask Redis for a later read no more than needed', async () => {
    await a.app.get('/accounts/3', session);
    a.sent.splice(0);
    await a.app.get('/accounts/3', session);
    expect(a.sent).toEqual(['load']);
  });

  it('ask Redis for no request without a session', async () => {
    await a.app.get('/accounts/3');
    await a.app.post('/accounts/3/add');
    expect(a.sent).toEqual([]);
  });

  describe.each([
    ['is killed', () => server.stop(), () => server.start()],
    ['hangs', () => server.hang(), () => server.resume()],
  ])('when Redis %s', (how, breakIt, mendIt) => {
    let errors: string[];
    const spies: { mockRestore(): void }[] = [];

    beforeEach(async () => {
      errors = [];
      spies.push(
        jest.spyOn(Logger.prototype, 'error').mockImplementation((message: unknown) => {
          errors.push(String(message));
        }),
        jest.spyOn(Logger.prototype, 'log').mockImplementation(() => undefined),
      );
      await breakIt();
      clearSent();
    });
    afterEach(async () => {
      for (const spy of spies) spy.mockRestore();
      await mendIt();
      await until(async () => (await a.redis.ping()) === 'PONG' && (await b.redis.ping()) === 'PONG');
      // An outage has ended when nothing has failed for a second.
      await delay(1_100);
      await a.app.get('/accounts/4', 'anybody');
      await b.app.get('/accounts/4', 'anybody');
    });

    it('all requests succeed in bounded time, on the primary, and the outage is logged once and counted', async () => {
      const before = a.app.router.counters();
      const took: number[] = [];
      const timed = async (method: 'get' | 'post', path: string): Promise<unknown> => {
        const startedMs = performance.now();
        const { status, reasons } = await a.app.call(method, path, session);
        took.push(performance.now() - startedMs);
        return { status, reasons };
      };
      for (let round = 0; round < 3; round++) {
        expect(await timed('post', '/accounts/5/add')).toEqual({ status: 201, reasons: ['write'] });
        expect(await timed('get', '/accounts/5')).toEqual({ status: 200, reasons: ['session-unknown'] });
        expect(await timed('get', '/accounts/5/thrice')).toEqual({
          status: 200,
          reasons: ['session-unknown'],
        });
        expect(await timed('get', '/accounts/5/eventual')).toEqual({ status: 200, reasons: ['eventual'] });
      }
      expect(Math.max(...took)).toBeLessThan(TIMEOUT_MS + REST_MS);
      // Who asks waits. Two may ask at first; then the store is left alone for a while after each question.
      const elapsedMs = took.reduce((sum, ms) => sum + ms, 0);
      expect(a.sent.length).toBeLessThanOrEqual(2 + elapsedMs / TIMEOUT_MS);
      expect(errors.filter((line) => line.includes('the session store failed'))).toHaveLength(1);
      const counted = a.app.router.counters();
      expect(counted.failedSessionLoads - before.failedSessionLoads).toBe(6);
      expect(counted.failedSessionSaves - before.failedSessionSaves).toBeGreaterThanOrEqual(3);
    });

    it('100 requests at once wait no longer than one', async () => {
      const startedMs = performance.now();
      const answers = await Promise.all(
        Array.from({ length: 100 }, (_, index) => a.app.get('/accounts/6', `${how}-${index}`)),
      );
      // One after the other they would take 25 s.
      expect(performance.now() - startedMs).toBeLessThan((100 * TIMEOUT_MS) / 2);
      expect(new Set(answers.map(({ reasons }) => reasons.join()))).toEqual(new Set(['session-unknown']));
      expect(errors.filter((line) => line.includes('the session store failed'))).toHaveLength(1);
    });

    it('what was written meanwhile is seen by its session on both instances when Redis is back', async () => {
      await whilePaused(cluster, async () => {
        const { balance } = (await a.app.get('/accounts/7/forced', 'x')).body as Account;
        await a.app.post('/accounts/7/add', session);
        await mendIt();
        await until(async () => (await a.redis.ping()) === 'PONG' && (await b.redis.ping()) === 'PONG');
        const onA = await a.app.getUntil(
          '/accounts/7',
          session,
          ({ reasons }) => reasons[0] === 'session-ahead',
        );
        expect(onA.body.balance).toBe(balance + 1);
        const onB = await b.app.getUntil(
          '/accounts/7',
          session,
          ({ reasons }) => reasons[0] !== 'session-unknown',
        );
        expect(onB).toMatchObject({ body: { balance: balance + 1 }, reasons: ['session-ahead'] });
        await breakIt();
      });
    });

    it('sessions return to the replicas when Redis is back', async () => {
      await a.app.get('/accounts/8', session);
      await mendIt();
      const answer = await a.app.getUntil('/accounts/8', session, ({ nodes }) => nodes[0] !== 'primary');
      expect(answer.nodes).toEqual([REPLICA]);
      await breakIt();
    });
  });
});
