import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { Controller, Get, HttpException, Param, ParseIntPipe, Post, Res } from '@nestjs/common';
import { InjectRepository } from '@nestjs/typeorm';
import { fromCookie, UseReplica } from 'nestjs-replica';
import { startPostgresCluster, type PostgresCluster } from 'nestjs-replica/testing';
import request from 'supertest';
import { DataSource, Repository } from 'typeorm';
import { Account } from '../support/accounts.js';
import { startApp, type TestApp } from '../support/test-app.js';

interface HttpResponse {
  json(body: unknown): void;
  cookie(name: string, value: string): void;
  write(text: string): void;
  end(): void;
}

@Controller()
class LedgerController {
  late: Promise<unknown> = Promise.resolve();

  constructor(
    @InjectRepository(Account) private readonly accounts: Repository<Account>,
    private readonly dataSource: DataSource,
  ) {}

  @Get('accounts/:id')
  one(@Param('id', ParseIntPipe) id: number): Promise<Account | null> {
    return this.accounts.findOneBy({ id });
  }

  @Get('anything/:id')
  @UseReplica({ consistency: 'eventual' })
  eventual(@Param('id', ParseIntPipe) id: number): Promise<Account | null> {
    return this.accounts.findOneBy({ id });
  }

  @Post('emit/:length')
  async emit(@Param('length', ParseIntPipe) length: number): Promise<void> {
    await this.dataSource.query(`SELECT pg_logical_emit_message(false, 't', repeat('x', $1::int))`, [length]);
  }

  @Post('accounts/:id/add')
  add(@Param('id', ParseIntPipe) id: number): Promise<unknown> {
    return this.#add(id);
  }

  @Post('accounts/:id/write-then-read')
  @UseReplica()
  async writeThenRead(@Param('id', ParseIntPipe) id: number): Promise<unknown> {
    await this.#add(id);
    return this.accounts.findOneBy({ id });
  }

  @Post('accounts/:id/express')
  async express(@Param('id', ParseIntPipe) id: number, @Res() response: HttpResponse): Promise<void> {
    await this.#add(id);
    response.json({ sent: 'by the handler' });
  }

  @Post('accounts/:id/streamed')
  async streamed(@Param('id', ParseIntPipe) id: number, @Res() response: HttpResponse): Promise<void> {
    response.write('first ');
    await this.#add(id);
    response.end();
  }

  @Post('accounts/:id/fails')
  async fails(@Param('id', ParseIntPipe) id: number): Promise<void> {
    await this.#add(id);
    throw new HttpException('written, and failed', 418);
  }

  @Post('accounts/:id/login')
  async login(
    @Param('id', ParseIntPipe) id: number,
    @Res({ passthrough: true }) response: HttpResponse,
  ): Promise<object> {
    response.cookie('sid', `visitor-${id}`);
    await this.#add(id);
    return {};
  }

  @Post('accounts/:id/rolled-back')
  async rolledBack(@Param('id', ParseIntPipe) id: number): Promise<void> {
    await this.dataSource
      .transaction(async (manager) => {
        await manager.increment(Account, { id }, 'balance', 1);
        throw new Error('never mind');
      })
      .catch(() => undefined);
  }

  @Post('accounts/:id/after-response')
  afterResponse(@Param('id', ParseIntPipe) id: number): object {
    this.late = new Promise((resolve) => setTimeout(resolve, 50)).then(async () => {
      await this.#add(id);
      return this.accounts.findOneBy({ id });
    });
    return {};
  }

  #add(id: number): Promise<unknown> {
    return this.accounts.increment({ id }, 'balance', 1);
  }
}

describe('what a session wrote', () => {
  let cluster: PostgresCluster;
  let app: TestApp;

  beforeAll(async () => {
    cluster = await startPostgresCluster({ replicas: 2 });
    app = await startApp(cluster, [LedgerController], { synchronize: true });
    await app.dataSource.query(
      `INSERT INTO account (owner) SELECT 'owner-' || n FROM generate_series(1, 300) n`,
    );
    await cluster.waitForCatchUp();
  });

  afterAll(async () => {
    await app.close();
    await cluster.stop();
  });

  async function whilePaused(work: () => Promise<void>): Promise<void> {
    await Promise.all(cluster.replicas.map((node) => node.pauseReplay()));
    try {
      await work();
    } finally {
      await Promise.all(cluster.replicas.map((node) => node.resumeReplay()));
      await cluster.waitForCatchUp();
    }
  }

  it.each([
    ['a plain handler', 'add', 201],
    ['a handler that sends its own answer', 'express', 201],
    ['a handler that streams its own answer', 'streamed', 201],
    ['a handler that fails after the write', 'fails', 418],
  ])('is seen by its next request after %s, with replay paused', async (_, path, status) => {
    await whilePaused(async () => {
      const before = (await app.get('/accounts/1', `stranger-to-${path}`)).body.balance as number;
      const session = `writer-by-${path}`;
      expect((await app.post(`/accounts/1/${path}`, session)).status).toBe(status);
      const fresh = await app.get('/accounts/1', session);
      expect(fresh.body.balance).toBeGreaterThan(before);
      expect(fresh.nodes).toEqual(['primary']);
    });
  });

  it('is seen by later reads of the same request, though they may use a replica', async () => {
    await whilePaused(async () => {
      const before = (await app.get('/accounts/2', 'stranger')).body.balance as number;
      const answer = await app.post('/accounts/2/write-then-read', 'own');
      expect(answer).toMatchObject({ body: { balance: before + 1 }, nodes: ['primary'] });
      expect(answer.reasons).toContain('own-write');
    });
  });

  it('does not bind other sessions, nor reads that may be old', async () => {
    await whilePaused(async () => {
      await app.post('/accounts/3/add', 'writer-3');
      expect((await app.get('/accounts/3', 'reader-3')).nodes).toEqual([expect.stringMatching(/^replica/)]);
      expect((await app.get('/accounts/3')).nodes).toEqual([expect.stringMatching(/^replica/)]);
      expect(await app.get('/anything/3', 'writer-3')).toMatchObject({ reasons: ['eventual'] });
      expect((await app.get('/accounts/3', 'writer-3')).nodes).toEqual(['primary']);
    });
  });

  it('binds also when it was rolled back: its session was told what is on the primary', async () => {
    await app.get('/accounts/4', 'rolls-back');
    await whilePaused(async () => {
      const { status } = await app.post('/accounts/4/rolled-back', 'rolls-back');
      expect(status).toBe(201);
      expect((await app.get('/accounts/4', 'rolls-back')).nodes).toEqual(['primary']);
    });
  });

  it('is remembered even when it is written after the response', async () => {
    await whilePaused(async () => {
      await app.post('/accounts/5/after-response', 'late');
      await app.nest.get(LedgerController).late;
      const fresh = await app.getUntil('/accounts/5', 'late', ({ nodes }) => nodes[0] === 'primary');
      expect(fresh.body.balance).toBe(1);
    });
  });

  it('lets its session go back to the replicas although the position points past a page header', async () => {
    const pageBytes = 8192n;
    const insertPosition = async (): Promise<bigint> => {
      const [row] = await cluster.primary.query<{ at: string }>(
        `SELECT (pg_current_wal_insert_lsn() - '0/0')::text AS at`,
      );
      return BigInt(row?.at ?? 0);
    };
    const emit = async (length: number): Promise<bigint> => {
      const before = await insertPosition();
      await app.post(`/emit/${length}`, 'page-boundary');
      return (await insertPosition()) - before;
    };
    let position = 0n;
    for (let attempt = 0; attempt < 200 && position % pageBytes !== 24n; attempt++) {
      const room = pageBytes - ((await insertPosition()) % pageBytes);
      if (room < 1_000n) {
        await emit(1_000);
        continue;
      }
      // A message of 304 bytes shows what the record around it takes.
      const overhead = (await emit(304)) - 304n;
      const left = pageBytes - ((await insertPosition()) % pageBytes);
      if (left < overhead + 300n) continue;
      await emit(Number(left - overhead));
      position = await insertPosition();
    }
    expect(position % pageBytes).toBe(24n);
    const answer = await app.getUntil('/accounts/6', 'page-boundary', ({ nodes }) => nodes[0] !== 'primary');
    expect(answer.reasons).toEqual(['session-replayed']);
  });

  it('is not mixed up between 200 concurrent requests of different kinds', async () => {
    await whilePaused(async () => {
      const ids = Array.from({ length: 100 }, (_, index) => index + 101);
      await Promise.all(
        ids.filter((id) => id % 2 === 0).map((id) => app.post(`/accounts/${id}/add`, `s-${id}`)),
      );
      const answers = await Promise.all(
        ids.flatMap((id) => [
          app.get(`/accounts/${id}`, `s-${id}`),
          app.post(`/accounts/${id + 100}/write-then-read`, `t-${id}`),
        ]),
      );
      ids.forEach((id, index) => {
        const read = answers[2 * index];
        const written = answers[2 * index + 1];
        const hasWritten = id % 2 === 0;
        expect([id, read?.body.balance, read?.nodes.join()]).toEqual([
          id,
          hasWritten ? 1 : 0,
          hasWritten ? 'primary' : expect.stringMatching(/^replica-[12]$/),
        ]);
        expect(written).toMatchObject({
          status: 201,
          body: { id: id + 100, balance: 1 },
          nodes: ['primary'],
        });
      });
    });
  });
});

describe('a visitor who gets a cookie with the answer', () => {
  it('sees with the next request what that one wrote', async () => {
    const cluster = await startPostgresCluster({ replicas: 1 });
    try {
      const app = await startApp(cluster, [LedgerController], {
        synchronize: true,
        session: { key: fromCookie('sid') },
      });
      try {
        await app.dataSource.query(`INSERT INTO account (owner) VALUES ('ann')`);
        await cluster.waitForCatchUp();
        await Promise.all(cluster.replicas.map((node) => node.pauseReplay()));
        const agent = request.agent(app.nest.getHttpServer());
        await agent.post('/accounts/1/login').expect(201);
        const answer = await agent.get('/accounts/1').expect(200);
        expect(answer.body.balance).toBe(1);
        expect(answer.headers['x-replica-node']).toBe('primary');
        expect((await app.get('/accounts/1')).body.balance).toBe(0);
      } finally {
        await app.close();
      }
    } finally {
      await cluster.stop();
    }
  });
});
