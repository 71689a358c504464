import { beforeAll, describe, expect, it } from '@jest/globals';
import { Controller, Get, Param, ParseIntPipe } from '@nestjs/common';
import { UseReplica, WritePreventedError } from 'nestjs-replica';
import { setTimeout as delay } from 'node:timers/promises';
import QueryStream from 'pg-query-stream';
import { QueryFailedError } from 'typeorm';
import { useApp, useLedger, startLedger } from '../../support/app/start-app.js';
import type { TestApp } from '../../support/app/test-app.js';
import { REPLICA } from '../../support/app/routes.js';
import {
  useLedgerCluster,
  whilePaused,
  pauseReplay,
  resumeReplay,
} from '../../support/cluster/use-cluster.js';
import { forDatabase, onPostgres } from '../../support/cluster/test-database.js';
import { Transcript } from '../../support/cluster/transcript.js';
import { Account } from '../../support/ledger/accounts.js';
import { LedgerController } from '../../support/ledger/ledger.controller.js';

/** A function that claims to read. */
const SECRETLY_WRITES_SQL = forDatabase({
  postgres: `CREATE FUNCTION secretly_writes() RETURNS int LANGUAGE plpgsql STABLE AS $$
    BEGIN PERFORM nextval('numbers'); RETURN 1; END $$`,
  mariadb: `CREATE FUNCTION secretly_writes() RETURNS int READS SQL DATA
    BEGIN INSERT INTO entry (amount) VALUES (1); RETURN 1; END`,
});

const NEXT_NUMBER_SQL = forDatabase({
  postgres: `SELECT nextval('numbers')`,
  mariadb: 'SELECT NEXTVAL(numbers)',
});

const RETURNING_SQL = forDatabase({
  postgres: 'WITH gone AS (DELETE FROM entry RETURNING *) SELECT * FROM gone',
  mariadb: 'DELETE FROM entry RETURNING id',
});

@Controller()
class CarelessController extends LedgerController {
  @Get('accounts/:id/careless')
  @UseReplica({ preventWrites: true })
  careless(@Param('id', ParseIntPipe) id: number): Promise<unknown> {
    return this.add(id);
  }
}

const cluster = useLedgerCluster();
describe("sticky: { mode: 'time' }", () => {
  /** Runs the work with an application whose sessions have a window, until it says that it came to its end in time. */
  async function withWindow(work: (app: TestApp, windowMs: number) => Promise<boolean>): Promise<void> {
    // A busy machine may need longer than a window for what has to happen within it: then a longer one is tried.
    for (const windowMs of [700, 4_000, 20_000]) {
      const app = await startLedger(cluster, { sticky: { mode: 'time', windowMs } });
      try {
        if (await work(app, windowMs)) return;
      } finally {
        await app.close();
      }
    }
    throw new Error('the machine is too busy: no request was answered within 20 s');
  }

  it('keeps a session on the primary for its window, whatever the replicas have replayed', () =>
    withWindow(async (app, windowMs) => {
      const beforeMs = performance.now();
      await app.post('/accounts/1/add', 'timed');
      await cluster.waitForCatchUp();
      const answer = await app.get('/accounts/1', 'timed');
      if (performance.now() - beforeMs >= windowMs) return false;
      const balance = answer.body.balance as number;
      expect(answer.reasons).toEqual(['session-unknown']);
      expect((await app.get('/accounts/1', 'other')).nodes).toEqual([REPLICA]);
      await app.getUntil('/accounts/1', 'timed', ({ nodes }) => nodes[0] !== 'primary');
      // The library reads another clock, which may tick a little earlier.
      expect(performance.now() - beforeMs).toBeGreaterThan(windowMs - 50);
      // Reading there does not prolong it, and it promises nothing where lag exceeds the window.
      return whilePaused(cluster, async () => {
        const againMs = performance.now();
        await app.post('/accounts/1/add', 'timed');
        const written = await app.get('/accounts/1', 'timed');
        if (performance.now() - againMs >= windowMs) return false;
        expect(written.body.balance).toBe(balance + 1);
        await delay(windowMs + 100);
        expect(await app.get('/accounts/1', 'timed')).toMatchObject({
          body: { balance },
          nodes: [REPLICA],
        });
        return true;
      });
    }));
});

describe("onBehind: 'wait'", () => {
  const app = useLedger(cluster, () => ({
    replicas: cluster.replicas.slice(0, 1).map(({ name, url }) => ({ name, url })),
    onBehind: 'wait',
    catchUpTimeoutMs: 300,
  }));

  it('reads from the primary when no replica has caught up in time', async () => {
    await whilePaused(cluster, async () => {
      await app.post('/accounts/2/add', 'waits');
      const startedMs = performance.now();
      expect(await app.get('/accounts/2', 'waits')).toMatchObject({
        body: { balance: 1 },
        reasons: ['session-ahead'],
      });
      const tookMs = performance.now() - startedMs;
      expect(tookMs).toBeGreaterThan(250);
    });
  });

  onPostgres(() => {
    it('lets 50 reads at once wait with few probes, and answers them from the replica that replays', async () => {
      const probes = async (): Promise<number> => {
        const logs = await Promise.all(cluster.replicas.map((node) => node.readLog()));
        return logs.join('\n').split('SELECT pg_is_in_recovery()').length - 1;
      };
      await pauseReplay(cluster);
      await Promise.all(
        Array.from({ length: 50 }, (_, index) => app.post('/accounts/3/add', `many-${index}`)),
      );
      const before = await probes();
      const waiting = Promise.all(
        Array.from({ length: 50 }, (_, index) => app.get('/accounts/3/patient', `many-${index}`)),
      );
      const pausedMs = performance.now();
      await delay(1_000);
      const during = (await probes()) - before;
      const seconds = (performance.now() - pausedMs) / 1_000;
      await resumeReplay(cluster);
      const answers = await waiting;
      expect(new Set(answers.map(({ body }) => body.balance))).toEqual(new Set([50]));
      expect(answers.filter(({ nodes }) => nodes[0] === 'primary')).toEqual([]);
      // In each second: every 20 ms at first, then more and more seldom, whatever the number of those who wait.
      expect(during).toBeGreaterThan(0);
      expect(during).toBeLessThan(30 * seconds);
      await cluster.waitForCatchUp();
    });
  });
});

describe('preventWrites: true', () => {
  const app = useApp(cluster, [CarelessController]);
  let transcript: Transcript;

  beforeAll(async () => {
    transcript = new Transcript(cluster);
    await cluster.primary.query('CREATE SEQUENCE IF NOT EXISTS numbers');
    await cluster.primary.query(SECRETLY_WRITES_SQL);
    await cluster.waitForCatchUp();
  });

  const prevented = <T>(work: () => Promise<T>): Promise<T> =>
    app.router.runOnReplica({ preventWrites: true }, work);

  async function expectPrevented(work: () => Promise<unknown>): Promise<void> {
    await transcript.clear();
    const error = await prevented(work).then(
      () => undefined,
      (reason: unknown) => reason,
    );
    // TypeORM wraps what its driver throws; a stream gives it as it is.
    expect(error instanceof QueryFailedError ? error.driverError : error).toBeInstanceOf(WritePreventedError);
    expect(error).toMatchObject({ code: 'REPLICA_WRITE_PREVENTED' });
    const writes = Object.values(await transcript.all())
      .flat()
      .filter((text) => /INSERT|UPDATE|DELETE|DROP|nextval/.test(text));
    expect(writes).toEqual([]);
  }

  it.each<[string, () => Promise<unknown>]>([
    ['query()', () => app.dataSource.query("UPDATE account SET balance = 9 WHERE owner = 'owner-4'")],
    ['a function that writes', () => app.dataSource.query(NEXT_NUMBER_SQL)],
    ['a statement that writes and gives rows', () => app.dataSource.query(RETURNING_SQL)],
    ['several statements', () => app.dataSource.query('SELECT 1; DROP TABLE entry')],
    ['insert()', () => app.accounts.insert({ owner: 'eve' })],
    ['update()', () => app.accounts.update({ id: 4 }, { balance: 9 })],
    ['delete()', () => app.accounts.delete({ id: 4 })],
    ['save() of a new entity', () => app.accounts.save({ owner: 'eve' })],
    ['save() of a known entity', () => app.accounts.save({ id: 4, owner: 'owner-4', balance: 9 })],
    [
      'a transaction',
      () => app.dataSource.transaction((manager) => manager.increment(Account, { id: 4 }, 'balance', 1)),
    ],
  ])('sends nothing that writes: %s', async (_, work) => {
    await expectPrevented(work);
    expect((await app.accounts.findOneByOrFail({ id: 4 })).balance).toBe(0);
  });

  onPostgres(() => {
    it('sends nothing that writes: a stream', async () => {
      await expectPrevented(async () => {
        const runner = app.dataSource.createQueryRunner();
        try {
          const client: { query(stream: QueryStream): QueryStream } = await runner.connect();
          const stream = client.query(new QueryStream('DELETE FROM entry RETURNING *'));
          await new Promise((resolve, reject) => stream.on('error', reject).on('end', resolve).resume());
        } finally {
          await runner.release();
        }
      });
    });
  });

  it('does not run on the primary what a replica has refused as a write', async () => {
    await transcript.clear();
    const work = prevented(() => app.dataSource.query('SELECT secretly_writes()'));
    await expect(work).rejects.toMatchObject({ code: 'REPLICA_WRITE_PREVENTED' });
    expect((await transcript.count('secretly_writes')).primary).toBe(0);
    await expectPrevented(() => app.dataSource.query('SELECT secretly_writes()'));
  });

  it('lets reads pass, and writes that do not ask for it', async () => {
    expect(await prevented(() => app.accounts.countBy({ id: 4 }))).toBe(1);
    await app.accounts.update({ id: 5 }, { balance: 0 });
    expect(
      await prevented(() => app.dataSource.transaction((manager) => manager.countBy(Account, { id: 4 }))),
    ).toBe(1);
  });

  it('makes a handler fail that is decorated with it', async () => {
    expect((await app.get('/accounts/4/careless')).status).toBe(500);
    expect((await app.accounts.findOneByOrFail({ id: 4 })).balance).toBe(0);
  });
});
