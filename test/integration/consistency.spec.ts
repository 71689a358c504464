import { describe, expect, it } from '@jest/globals';
import { Controller, Param, ParseIntPipe, Post } from '@nestjs/common';
import { fromCookie, fromHeader } from 'nestjs-replica';
import { setTimeout as delay } from 'node:timers/promises';
import request from 'supertest';
import { useApp, useLedger } from '../support/app/start-app.js';
import { useLedgerCluster, whilePaused } from '../support/cluster/use-cluster.js';
import { onPostgres } from '../support/cluster/test-database.js';
import { LedgerController } from '../support/ledger/ledger.controller.js';
import { ResponsesController } from '../support/ledger/responses.controller.js';

@Controller()
class LateController extends LedgerController {
  late: Promise<unknown> = Promise.resolve();

  @Post('emit/:length')
  async emit(@Param('length', ParseIntPipe) length: number): Promise<void> {
    await this.dataSource.query(`SELECT pg_logical_emit_message(false, 't', repeat('x', $1::int))`, [length]);
  }

  @Post('accounts/:id/after-response')
  afterResponse(@Param('id', ParseIntPipe) id: number): object {
    this.late = delay(50).then(async () => {
      await this.add(id);
      return this.one(id);
    });
    return {};
  }
}

const cluster = useLedgerCluster({ count: 300 });

describe('what a session wrote', () => {
  // Replay stays paused for as long as a busy machine needs to answer hundreds of requests: replicas must not become too old by that.
  const app = useApp(cluster, [LateController, ResponsesController], {
    session: { key: fromHeader('x-session'), ttlMs: 120_000 },
    maxLagMs: 100_000,
  });

  it.each([
    ['a plain handler', 'add', 201],
    ['a handler that sends its own answer', 'own-response', 201],
    ['a handler that writes while it streams', 'streamed', 201],
    ['a handler that fails after the write', 'fails', 418],
  ])('is seen by its next request after %s, with replay paused', async (_, path, status) => {
    await whilePaused(cluster, async () => {
      const before = (await app.get('/accounts/1', `stranger-to-${path}`)).body.balance as number;
      const session = `writer-by-${path}`;
      expect((await app.post(`/accounts/1/${path}`, session)).status).toBe(status);
      const fresh = await app.get('/accounts/1', session);
      expect(fresh.body.balance).toBeGreaterThan(before);
      expect(fresh.nodes).toEqual(['primary']);
    });
  });

  it('is seen by later reads of the same request, though they may use a replica', async () => {
    await whilePaused(cluster, async () => {
      const before = (await app.get('/accounts/2', 'stranger')).body.balance as number;
      const answer = await app.post('/accounts/2/add-and-read', 'own');
      expect(answer).toMatchObject({ body: { balance: before + 1 }, nodes: ['primary'] });
      expect(answer.reasons).toContain('own-write');
    });
  });

  it('does not bind other sessions, nor reads that may be stale', async () => {
    await whilePaused(cluster, async () => {
      await app.post('/accounts/3/add', 'writer-3');
      expect((await app.get('/accounts/3', 'reader-3')).nodes).toEqual([expect.stringMatching(/^replica/)]);
      expect((await app.get('/accounts/3')).nodes).toEqual([expect.stringMatching(/^replica/)]);
      expect(await app.get('/accounts/3/eventual', 'writer-3')).toMatchObject({ reasons: ['eventual'] });
      expect((await app.get('/accounts/3', 'writer-3')).nodes).toEqual(['primary']);
    });
  });

  it('still binds the session after a rollback: the session has seen what the primary holds', async () => {
    await app.get('/accounts/4', 'rolls-back');
    await whilePaused(cluster, async () => {
      await app.post('/accounts/3/add', 'somebody-else');
      const { status } = await app.post('/accounts/4/rolled-back', 'rolls-back');
      expect(status).toBe(201);
      expect((await app.get('/accounts/4', 'rolls-back')).nodes).toEqual(['primary']);
    });
  });

  it('is remembered even when it is written after the response', async () => {
    await whilePaused(cluster, async () => {
      await app.post('/accounts/5/after-response', 'late');
      await app.nest.get(LateController).late;
      const fresh = await app.getUntil('/accounts/5', 'late', ({ nodes }) => nodes[0] === 'primary');
      expect(fresh.body.balance).toBe(1);
    });
  });

  onPostgres(() => {
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
      const answer = await app.getUntil(
        '/accounts/6',
        'page-boundary',
        ({ nodes }) => nodes[0] !== 'primary',
      );
      expect(answer.reasons).toEqual(['session-replayed']);
    });
  });

  it('is not mixed up between 200 concurrent requests of different kinds', async () => {
    await whilePaused(cluster, async () => {
      const ids = Array.from({ length: 100 }, (_, index) => index + 101);
      await Promise.all(
        ids.filter((id) => id % 2 === 0).map((id) => app.post(`/accounts/${id}/add`, `s-${id}`)),
      );
      const answers = await Promise.all(
        ids.flatMap((id) => [
          app.get(`/accounts/${id}`, `s-${id}`),
          app.post(`/accounts/${id + 100}/add-and-read`, `t-${id}`),
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
  const app = useLedger(cluster, { session: { key: fromCookie('sid') } });

  it('sees in the next request what the first one wrote', () =>
    whilePaused(cluster, async () => {
      const agent = request.agent(app.nest.getHttpServer());
      await agent.post('/accounts/10/login').expect(201);
      const answer = await agent.get('/accounts/10').expect(200);
      expect(answer.body.balance).toBe(1);
      expect(answer.headers['x-replica-node']).toBe('primary');
      expect((await app.get('/accounts/10')).body.balance).toBe(0);
    }));
});
