import { beforeEach, describe, expect, it } from '@jest/globals';
import {
  type CallHandler,
  Controller,
  type ExecutionContext,
  Get,
  Param,
  Post,
  Res,
  Sse,
} from '@nestjs/common';
import { APP_INTERCEPTOR } from '@nestjs/core';
import { fromCookie, fromHeader, MemorySessionStore, type SessionState } from 'nestjs-replica';
import { once } from 'node:events';
import { request as httpRequest, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import type { PoolClient } from 'pg';
import { firstValueFrom, Observable, Subject, timeout } from 'rxjs';
import request from 'supertest';
import { startApp, useApp } from '../support/app/start-app.js';
import type { TestApp } from '../support/app/test-app.js';
import { sendJson, type HttpResponse } from '../support/app/http-response.js';
import { until } from '../support/until.js';
import { onPostgres } from '../support/cluster/test-database.js';
import { useLedgerCluster, whilePaused } from '../support/cluster/use-cluster.js';
import { Account } from '../support/ledger/accounts.js';
import { LedgerController } from '../support/ledger/ledger.controller.js';

/** Somebody listens to notifications now. */
const listens = new Subject<void>();

@Controller()
class ReviewController extends LedgerController {
  #balance = async (): Promise<number> => (await this.accounts.findOneByOrFail({ id: 1 })).balance;

  @Get('accounts/:id/primary-then-plain')
  async primaryThenPlain(): Promise<object> {
    const first = await this.router.runOnPrimary(() => this.#balance());
    return { first, balance: await this.#balance() };
  }

  @Get('accounts/:id/transaction-then-plain')
  async transactionThenPlain(): Promise<object> {
    const first = await this.dataSource.transaction(
      async (manager) => (await manager.findOneByOrFail(Account, { id: 1 })).balance,
    );
    return { first, balance: await this.#balance() };
  }

  @Get('accounts/:id/both-then-one')
  async bothThenOne(): Promise<object> {
    const first = await Promise.all([this.#balance(), this.#balance()]);
    return { first, balance: await this.#balance() };
  }

  @Get('accounts/:id/for-update')
  async forUpdate(): Promise<object> {
    const [{ balance }] = await this.dataSource.query('SELECT balance FROM account WHERE id = 1 FOR UPDATE');
    return { balance };
  }

  /** Listens on a connection of its own, and reads what it is told of. */
  @Get('accounts/:id/heard/:how')
  async heard(@Param('how') how: string): Promise<object> {
    const runner = this.dataSource.createQueryRunner();
    try {
      const client = (await runner.connect()) as PoolClient;
      await client.query('LISTEN news');
      const first = await this.#balance();
      if (how === 'awaited') {
        const heard = once(client, 'notification');
        listens.next();
        await heard;
        return { first, balance: await this.#balance() };
      }
      const told = new Promise((resolve, reject) => {
        client.on('notification', () => this.#balance().then(resolve, reject));
      });
      listens.next();
      return { first, balance: await told };
    } finally {
      await runner.query('UNLISTEN news');
      await runner.release();
    }
  }

  @Get('accounts/:id/welcome')
  async welcome(@Res({ passthrough: true }) response: HttpResponse): Promise<object> {
    response.header('set-cookie', 'sid=fresh-visitor; Path=/');
    return { balance: await this.#balance() };
  }

  @Post('accounts/:id/add-json-throw')
  async addJsonThrow(@Res() response: HttpResponse): Promise<void> {
    await this.accounts.increment({ id: 1 }, 'balance', 1);
    sendJson(response, { ok: true, text: 'a rather long answer' });
    throw new Error('after the answer was sent');
  }

  @Post('accounts/:id/add-length')
  async addLength(@Res() response: ServerResponse): Promise<void> {
    await this.accounts.increment({ id: 1 }, 'balance', 1);
    response.writeHead(200, { 'content-length': 4 });
    response.write('done');
    response.end();
  }

  @Sse('accounts/:id/watch')
  watch(): Observable<unknown> {
    return new Observable((subscriber) => {
      const timer = setInterval(
        async () => subscriber.next({ data: { balance: await this.#balance() } }),
        50,
      );
      return () => clearInterval(timer);
    });
  }
}

const cluster = useLedgerCluster();

describe('what a session is shown', () => {
  const flaky = { failSaves: 0, hangLoads: false, saveMs: 0, inner: new MemorySessionStore() };
  const store = {
    load: (key: string): SessionState | undefined | Promise<SessionState | undefined> =>
      flaky.hangLoads ? new Promise(() => undefined) : flaky.inner.load(key),
    save: async (key: string, state: SessionState, ttlMs: number): Promise<void> => {
      if (flaky.failSaves-- > 0) throw new Error('store: connection reset');
      await delay(flaky.saveMs);
      flaky.inner.save(key, state, ttlMs);
    },
  };

  const app = useApp(cluster, [ReviewController], {
    session: { key: fromHeader('x-session'), store },
    maxLagMs: 20_000,
  });

  beforeEach(() => {
    Object.assign(flaky, { failSaves: 0, hangLoads: false, saveMs: 0 });
  });
  /** Replicas stand still, and the primary has one more than they. */
  async function whileBehind(work: () => Promise<void>): Promise<void> {
    await cluster.waitForCatchUp();
    await delay(150);
    await whilePaused(cluster, async () => {
      await cluster.primary.query('UPDATE account SET balance = balance + 1 WHERE id = 1');
      await work();
    });
  }

  it.each(['primary-then-plain', 'transaction-then-plain'])(
    'is not older later in the same request: %s',
    async (path) => {
      await whileBehind(async () => {
        const { body } = await app.get(`/accounts/1/${path}`, `one-${path}`);
        expect(body.balance).toBeGreaterThanOrEqual(body.first);
      });
    },
  );

  it.each(['on-primary', 'strong', 'for-update'])(
    'is not older in the next request after %s',
    async (path) => {
      await whileBehind(async () => {
        const first = await app.get(`/accounts/1/${path}`, `next-${path}`);
        expect(first.nodes).toEqual(['primary']);
        const next = await app.get('/accounts/1', `next-${path}`);
        expect(next.body.balance).toBeGreaterThanOrEqual(first.body.balance);
      });
    },
  );

  onPostgres(() => {
    it.each(['awaited', 'by-listener'])('is what a notification has told of: %s', async (how) => {
      await cluster.waitForCatchUp();
      await whilePaused(cluster, async () => {
        const listening = firstValueFrom(listens);
        const answer = app.get(`/accounts/1/heard/${how}`, how);
        await listening;
        await cluster.primary.query(`UPDATE account SET balance = balance + 1 WHERE id = 1; NOTIFY news`);
        const { first, balance } = (await answer).body;
        expect(balance).toBe(first + 1);
        expect((await app.get('/accounts/1', how)).body.balance).toBe(balance);
      });
    });
  });

  it('is its own write after a save of its session has failed once', async () => {
    await whileBehind(async () => {
      const before = (await app.get('/accounts/1/on-primary')).body.balance as number;
      flaky.failSaves = 1;
      await app.post('/accounts/1/add', 'unsaved');
      expect((await app.get('/accounts/1', 'unsaved')).body.balance).toBe(before + 1);
    });
  });

  it('comes even if the session store hangs', async () => {
    flaky.hangLoads = true;
    const answer = await Promise.race([app.get('/accounts/1', 'hangs'), delay(5_000, 'no answer after 5 s')]);
    expect(answer).toMatchObject({ status: 200 });
  });

  it('is its own write when the client has the whole body before end()', async () => {
    await whileBehind(async () => {
      const before = (await app.get('/accounts/1/on-primary')).body.balance as number;
      flaky.saveMs = 500;
      const { port } = app.nest.getHttpServer().address() as AddressInfo;
      await new Promise<void>((resolve, reject) => {
        const sent = httpRequest(
          {
            port,
            host: '127.0.0.1',
            path: '/accounts/1/add-length',
            method: 'POST',
            headers: { 'x-session': 'length' },
          },
          (answer) => answer.on('end', () => resolve()).resume(),
        );
        sent.on('error', reject).end();
      });
      expect((await app.get('/accounts/1', 'length')).body.balance).toBe(before + 1);
    });
  });

  it('is its own write although an outer interceptor allows less time than the save takes', async () => {
    const other = await startAppWithTimeout();
    try {
      await whileBehind(async () => {
        const before = (await app.get('/accounts/1/on-primary')).body.balance as number;
        flaky.saveMs = 400;
        const posted = await other.post('/accounts/1/add', 'impatient');
        // The response waits, not the interceptor.
        expect(posted.status).toBe(201);
        expect((await other.get('/accounts/1', 'impatient')).body.balance).toBe(before + 1);
      });
    } finally {
      await other.close();
    }
  });

  async function startAppWithTimeout(): Promise<TestApp> {
    const impatient = {
      intercept: (context: ExecutionContext, next: CallHandler) => {
        const isWrite = context.switchToHttp().getRequest<{ method: string }>().method === 'POST';
        return isWrite ? next.handle().pipe(timeout(200)) : next.handle();
      },
    };
    return startApp(
      cluster,
      [ReviewController],
      { session: { key: fromHeader('x-session'), store } },
      {
        providers: [{ provide: APP_INTERCEPTOR, useValue: impatient }],
      },
    );
  }

  it('is what was answered, even if the handler throws afterwards', async () => {
    const answer = await Promise.race([
      app
        .post('/accounts/1/add-json-throw', 'throws')
        .catch((error: unknown) => ({ status: String(error), body: {} })),
      new Promise<{ status: string; body: object }>((resolve) =>
        setTimeout(resolve, 5_000, { status: 'no answer after 5 s', body: {} }),
      ),
    ]);
    expect(answer).toMatchObject({ status: 201, body: { ok: true } });
  });

  it('is not older in a long answer than what it has written meanwhile', async () => {
    await whileBehind(async () => {
      const { port } = app.nest.getHttpServer().address() as AddressInfo;
      let text = '';
      const sent = httpRequest(
        { port, host: '127.0.0.1', path: '/accounts/1/watch', headers: { 'x-session': 'watcher' } },
        (answer) => answer.on('data', (chunk) => (text += chunk)),
      );
      sent.on('error', () => undefined).end();
      await until(() => text.includes('balance'));
      await app.post('/accounts/1/add', 'watcher');
      const written = (await app.get('/accounts/1', 'watcher')).body.balance as number;
      await delay(200);
      text = '';
      await until(() => text.includes('balance'));
      sent.destroy();
      expect(Number(/"balance":(\d+)/.exec(text)?.[1])).toBeGreaterThanOrEqual(written);
    });
  });
});

describe('who a session is', () => {
  async function paused(nodes: number[], work: () => Promise<void>): Promise<void> {
    await cluster.waitForCatchUp();
    await delay(150);
    await Promise.all(nodes.map((index) => cluster.replicas[index]!.pauseReplay()));
    try {
      await cluster.primary.query('UPDATE account SET balance = balance + 1 WHERE id = 1');
      await cluster.waitForCatchUp();
      await work();
    } finally {
      await Promise.all(nodes.map((index) => cluster.replicas[index]!.resumeReplay()));
      await cluster.waitForCatchUp();
    }
  }

  it('the answer that sets the cookie binds the next request to what it showed', async () => {
    const app = await startApp(cluster, [ReviewController], {
      session: { key: fromCookie('sid') },
      maxLagMs: 20_000,
    });
    try {
      for (const slow of [0, 1]) {
        await paused([slow], async () => {
          for (let attempt = 0; attempt < 15; attempt++) {
            const agent = request.agent(app.nest.getHttpServer());
            const first = await agent.get('/accounts/1/welcome').expect(200);
            const second = await agent.get('/accounts/1').expect(200);
            expect(second.body.balance).toBeGreaterThanOrEqual(first.body.balance as number);
          }
        });
      }
    } finally {
      await app.close();
    }
  });

  it('reads of one request without a session never go back, after two at once', async () => {
    const app = await startApp(cluster, [ReviewController], { maxLagMs: 20_000 });
    try {
      await paused([1], async () => {
        for (let attempt = 0; attempt < 60; attempt++) {
          const { body } = await app.get('/accounts/1/both-then-one');
          expect(body.balance).toBeGreaterThanOrEqual(Math.max(...body.first));
        }
      });
    } finally {
      await app.close();
    }
  });

  it('routes that are excluded get no context', async () => {
    const app = await startApp(cluster, [ReviewController], { exclude: ['accounts/{*path}'] });
    try {
      expect(await app.get('/accounts/1')).toMatchObject({ status: 200, body: { id: 1 } });
      const nodes = new Set<string>();
      app.router.on('statement', ({ node, reason }) => nodes.add(`${node} ${reason}`));
      await app.get('/accounts/1', 'x');
      expect([...nodes]).toEqual(['primary no-context']);
    } finally {
      await app.close();
    }
  });

  it('is not shown older data by another instance when its replica is gone', async () => {
    const store = new MemorySessionStore();
    const options = { session: { key: fromHeader('x-session'), store }, maxLagMs: 20_000 };
    const one = await startApp(cluster, [ReviewController], options);
    const two = await startApp(cluster, [ReviewController], options);
    try {
      let session = '';
      for (let index = 0; session === ''; index++) {
        const { nodes } = await one.get('/accounts/1', `s-${index}`);
        if (nodes[0] === 'replica-1') session = `s-${index}`;
      }
      await cluster.waitForCatchUp();
      await cluster.replicas[1]?.pauseReplay();
      await cluster.primary.query('UPDATE account SET balance = balance + 1 WHERE id = 1');
      await cluster.waitForCatchUp();
      const first = await one.get('/accounts/1', session);
      expect(first.nodes).toEqual(['replica-1']);
      await cluster.replicas[0]?.kill();
      await until(() => two.router.topology().replicas[0]?.health === 'down');
      const second = await two.get('/accounts/1', session);
      expect(second.body.balance).toBeGreaterThanOrEqual(first.body.balance as number);
    } finally {
      await cluster.replicas[1]?.resumeReplay();
      await one.close();
      await two.close();
    }
  });
});
