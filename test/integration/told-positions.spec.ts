import { afterEach, describe, expect, it } from '@jest/globals';
import { Controller, Param, ParseIntPipe, Post } from '@nestjs/common';
import { parseLsn } from '../../libs/replica/src/postgres/positions.js';
import { startApp } from '../support/app/start-app.js';
import type { TestApp } from '../support/app/test-app.js';
import { until } from '../support/until.js';
import { FORGET, FORGETTING } from '../support/lanes/forgetting.js';
import { useLedgerCluster } from '../support/cluster/use-cluster.js';
import { LedgerController } from '../support/ledger/ledger.controller.js';

@Controller()
class WritesController extends LedgerController {
  /** By the table's own rule. */
  @Post('accounts/:id/refused')
  refused(@Param('id', ParseIntPipe) id: number): Promise<unknown> {
    return this.accounts.decrement({ id }, 'balance', 1).catch((error: Error) => ({ said: error.message }));
  }

  /** What follows the write on its connection: a stream, which `pg` refuses where statements are sent before answers. */
  @Post('accounts/:id/then-stream')
  async thenStream(@Param('id', ParseIntPipe) id: number): Promise<object> {
    const runner = this.dataSource.createQueryRunner('master');
    try {
      await runner.query('UPDATE account SET balance = balance + 1 WHERE id = $1', [id]);
      const rows: unknown[] = [];
      for await (const row of await runner.stream('SELECT id, balance FROM account WHERE id = $1', [id]))
        rows.push(row);
      return rows;
    } finally {
      await runner.release();
    }
  }

  /** The write that counts is sent twice: at first as a statement that the server has lost. */
  @Post('accounts/:id/after-loss')
  async afterLoss(@Param('id', ParseIntPipe) id: number): Promise<void> {
    const runner = this.dataSource.createQueryRunner('master');
    try {
      const add = 'UPDATE account SET balance = balance + $1 WHERE id = $2';
      for (let n = 1; n <= 5; n++) await runner.query(add, [0, id]);
      await runner.query(FORGET);
      await runner.query(add, [1, id]);
    } finally {
      await runner.release();
    }
  }

  /** The connection's prepared statements are gone, that of the question, too. */
  @Post('accounts/:id/after-discard')
  async afterDiscard(@Param('id', ParseIntPipe) id: number): Promise<void> {
    const runner = this.dataSource.createQueryRunner('master');
    try {
      const add = 'UPDATE account SET balance = balance + 1 WHERE id = $1';
      await runner.query(add, [id]);
      await runner.query('DISCARD ALL');
      await runner.query(add, [id]);
      await runner.query(add, [id]);
    } finally {
      await runner.release();
    }
  }
}

const MONITORS = `SELECT pid FROM pg_stat_activity WHERE application_name = 'nestjs-replica monitor'`;

const cluster = useLedgerCluster({
  replicas: 1,
  sql: `ALTER TABLE account ADD CHECK (balance >= 0); UPDATE account SET balance = 9 WHERE id = 20; ${FORGETTING}`,
});

describe('positions that the primary tells with the answer of a write', () => {
  let app: TestApp;
  let frozen: number[] = [];

  afterEach(async () => {
    for (const pid of frozen) process.kill(pid, 'SIGCONT');
    frozen = [];
    await app.close();
  });

  /** From now on the monitor gets no answer from the primary, and learns nothing from it. */
  async function freezeMonitor(): Promise<void> {
    frozen = (await cluster.primary.query<{ pid: number }>(MONITORS)).map(({ pid }) => pid);
    expect(frozen).toHaveLength(1);
    for (const pid of frozen) process.kill(pid, 'SIGSTOP');
  }

  /** What a session reads from the primary needs a position, too, for which the monitor is asked. */
  async function replicaIsKnownToHaveAll(): Promise<void> {
    await cluster.waitForCatchUp();
    const [row] = await cluster.replicas[0]!.query<{ lsn: string }>(
      'SELECT pg_last_wal_replay_lsn()::text AS lsn',
    );
    const known = (): bigint => parseLsn(app.router.topology().replicas[0]?.position ?? '0/0');
    await until(() => known() >= parseLsn(row!.lsn), 'the position of the replica');
  }

  async function start(): Promise<void> {
    // Longer than the test: the primary counts as up, though the monitor waits for its answer.
    app = await startApp(cluster, [WritesController], {
      monitor: { intervalMs: 50, probeTimeoutMs: 60_000 },
    });
  }

  it.each([
    ['one statement', '/accounts/3/add'],
    ['a transaction', '/accounts/20/transfer/3/1'],
    ['a statement that was prepared and lost', '/accounts/3/after-loss'],
  ])(
    'a session reads its write (%s) from a replica, and nobody else had to ask for a position',
    async (way, path) => {
      await start();
      await freezeMonitor();
      const { body: before } = await app.get('/accounts/3');
      expect((await app.post(path, `s-${way}`)).status).toBe(201);
      await replicaIsKnownToHaveAll();
      const answer = await app.get('/accounts/3', `s-${way}`);
      expect(answer.reasons).toEqual(['session-replayed']);
      expect(answer.body.balance).toBe(before.balance + 1);
    },
  );

  it('a write that fails says why, and its connection is as good as before', async () => {
    await start();
    const { body } = await app.post('/accounts/4/refused', 'refused');
    expect(body.said).toContain('violates check constraint');
    for (let n = 1; n <= 3; n++) await app.post('/accounts/4/add', 'refused');
    expect((await app.get('/accounts/4', 'refused')).body.balance).toBe(3);
    const { body: rows } = await app.post('/accounts/4/then-stream', 'refused');
    expect(rows).toEqual([{ id: 4, balance: 4 }]);
  });

  it('the monitor is asked if the question is refused, and no write is harmed', async () => {
    await start();
    expect((await app.post('/accounts/5/after-discard', 'discard')).status).toBe(201);
    for (let n = 4; n <= 20; n++) {
      await app.post('/accounts/5/add', 'discard');
      expect((await app.get('/accounts/5', 'discard')).body.balance).toBe(n);
    }
    const replicas = await app.getUntil('/accounts/5', 'discard', ({ nodes }) => nodes[0] === 'replica-1');
    expect(replicas.reasons).toEqual(['session-replayed']);
  });

  it('each session reads its own writes, even if these come faster than positions are learned', async () => {
    await start();
    const sessions = Array.from({ length: 8 }, (_, index) => ({ id: index + 10, key: `fast-${index}` }));
    await Promise.all(
      sessions.map(async ({ id, key }) => {
        for (let n = 1; n <= 60; n++) {
          await app.post(`/accounts/${id}/add`, key);
          expect((await app.get(`/accounts/${id}`, key)).body.balance).toBe(n);
        }
      }),
    );
  });
});
