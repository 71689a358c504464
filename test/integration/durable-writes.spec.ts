/** `withDurability()` on a primary with a synchronous standby, with each way in which the wait for it can end. */
import { afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { Controller, Post } from '@nestjs/common';
import { DataSourceRouter, DURABILITIES, ReplicaDataSource, type Durability } from 'nestjs-replica';
import type { PostgresNode } from 'nestjs-replica/testing';
import { DataSource } from 'typeorm';
import { startApp } from '../support/app/start-app.js';
import { startSource } from '../support/app/start-source.js';
import { useCluster } from '../support/cluster/use-cluster.js';
import { until } from '../support/until.js';

const INSERT = `INSERT INTO note (level) VALUES (current_setting('synchronous_commit')) RETURNING level`;

const cluster = useCluster({
  replicas: 1,
  sql: 'CREATE TABLE note (id serial PRIMARY KEY, level text)',
});

@Controller()
class NotesController {
  constructor(
    private readonly router: DataSourceRouter,
    private readonly dataSource: DataSource,
  ) {}

  @Post('notes')
  write(): Promise<unknown> {
    return this.router.withDurability('remote_write', () => this.dataSource.query(INSERT));
  }
}

describe('withDurability()', () => {
  let source: ReplicaDataSource;
  let router: DataSourceRouter;
  let replica: PostgresNode;
  const downgraded: unknown[] = [];

  beforeAll(async () => {
    source = await startSource(cluster, { entities: [], applicationName: 'writer' });
    router = source.router;
    [replica] = cluster.replicas as [PostgresNode];
    router.on('durability:downgraded', (event) => void downgraded.push(event));
  });

  afterEach(() => void downgraded.splice(0));

  const insert = async (): Promise<string> => {
    const [row] = await source.query<{ level: string }[]>(INSERT);
    return row?.level ?? 'none';
  };
  const count = async (node = cluster.primary): Promise<number> =>
    Number((await node.query<{ count: string }>('SELECT count(*) FROM note'))[0]?.count);

  async function standbys(names: string): Promise<void> {
    await cluster.primary.query(`ALTER SYSTEM SET synchronous_standby_names = '${names}'`);
    await cluster.primary.query('SELECT pg_reload_conf()');
    await until(async () => {
      const [row] = await cluster.primary.query<{ state: string }>(
        `SELECT current_setting('synchronous_standby_names') || (SELECT sync_state FROM pg_stat_replication) AS state`,
      );
      return row?.state === (names === '' ? 'async' : `${names}sync`);
    }, 'the standbys');
  }

  /** The process that waits for the standby at COMMIT, once it has done so for a while. */
  async function waitingPid(sinceMs = 0): Promise<number> {
    let pid: number | undefined;
    await until(async () => {
      const [row] = await cluster.primary.query<{ pid: number }>(
        `SELECT pid FROM pg_stat_activity WHERE application_name = 'writer' AND wait_event = 'SyncRep'
           AND clock_timestamp() - state_change > $1 * interval '1 ms'`,
        [sinceMs],
      );
      pid = row?.pid;
      return pid !== undefined;
    }, 'a COMMIT that waits');
    return pid as number;
  }

  const failureOf = (work: Promise<unknown>): Promise<object> =>
    work.then(
      () => ({ code: 'none' }),
      (error: { code: string; message: string }) => ({ code: error.code, message: error.message }),
    );

  describe('without a synchronous standby', () => {
    it('writes nothing, and says what is missing', async () => {
      const unavailable = {
        code: 'REPLICA_DURABILITY_UNAVAILABLE',
        message: expect.stringContaining('synchronous_standby_names of the primary is empty'),
      };
      for (const level of ['remote_apply', 'on', 'remote_write'] as const) {
        expect(await failureOf(router.withDurability(level, insert))).toMatchObject(unavailable);
        const inTransaction = (): Promise<unknown> =>
          source.transaction('SERIALIZABLE', (manager) => manager.query(INSERT));
        expect(await failureOf(router.withDurability(level, inTransaction))).toMatchObject(unavailable);
      }
      expect(await count()).toBe(0);
    });

    it("commits as 'local', which waits for nobody", async () => {
      expect(await router.withDurability('local', insert)).toBe('local');
      expect(await insert()).toBe('on');
    });

    it('refuses what it cannot keep, before anything is sent', async () => {
      expect(await failureOf(router.withDurability('off' as Durability, insert))).toMatchObject({
        code: 'REPLICA_INVALID_OPTIONS',
        message: expect.stringContaining("'remote_apply', 'on', 'remote_write', 'local'"),
      });
      expect(await failureOf(router.withDurability(undefined as never, insert))).toMatchObject({
        code: 'REPLICA_INVALID_OPTIONS',
      });
      const mysql = new ReplicaDataSource({ type: 'mysql', primary: { host: 'nowhere' }, replicas: [] });
      expect(await failureOf(mysql.router.withDurability('on', insert))).toMatchObject({
        code: 'REPLICA_DURABILITY_UNAVAILABLE',
        message: expect.stringContaining('semi-synchronous replication'),
      });
    });
  });

  describe('with one', () => {
    beforeAll(() => standbys('"replica-1"'));

    it.each(DURABILITIES)(
      '%s holds for writes, for transactions of any isolation, and for nothing else',
      async (level) => {
        expect(await router.withDurability(level, insert)).toBe(level);
        const levels = await router.withDurability(level, () =>
          source.transaction('SERIALIZABLE', async (manager) => {
            const [{ isolation }] = await manager.query(
              `SELECT current_setting('transaction_isolation') isolation`,
            );
            return [isolation, (await manager.query(INSERT))[0].level];
          }),
        );
        expect(levels).toEqual(['serializable', level]);
        expect(await insert()).toBe('on');
      },
    );

    it('gives a write that fails back, and the connection with it', async () => {
      const failing = (): Promise<unknown> => source.query('INSERT INTO note (id) VALUES (1), (1)');
      expect(await failureOf(router.withDurability('on', failing))).toMatchObject({ code: '23505' });
      expect(await router.withDurability('on', insert)).toBe('on');
    });

    it('holds in whatever is called inside, and by the innermost call', async () => {
      const levels = await router.withDurability('remote_apply', async () => [
        await router.runOnReplica({}, insert),
        await router.runWithToken(undefined, insert),
        await router.withDurability('local', insert),
        await source.transaction(async (manager) => {
          const [first] = await manager.query(INSERT);
          await manager.query('COMMIT AND CHAIN');
          return [first.level, (await manager.query(INSERT))[0].level];
        }),
      ]);
      expect(levels).toEqual(['remote_apply', 'remote_apply', 'local', ['remote_apply', 'remote_apply']]);
    });

    it('leaves a transaction alone that began outside', async () => {
      const level = await source.transaction(async (manager) => {
        const [row] = await router.withDurability('local', () => manager.query(INSERT));
        return row.level;
      });
      expect(level).toBe('on');
    });

    it('refuses what has no place for it', async () => {
      const text = `BEGIN; ${INSERT}; COMMIT`;
      expect(await failureOf(router.withDurability('on', () => source.query(text)))).toMatchObject({
        code: 'REPLICA_DURABILITY_UNAVAILABLE',
        message: expect.stringContaining('one by one'),
      });
      const runner = source.createQueryRunner('slave');
      const stream = await router.withDurability('on', () => runner.stream(INSERT));
      const failure = await new Promise<Error>((resolve) => stream.on('error', resolve).resume());
      expect(failure.message).toContain('a stream that writes needs a transaction');
      await runner.release();
    });

    it('is for handlers, too', async () => {
      const app = await startApp(cluster, [NotesController], { entities: [] });
      expect((await app.post('/notes')).body).toEqual([{ level: 'remote_write' }]);
      await app.close();
    });

    it("waits for replay only as 'remote_apply', and then the standby shows the write", async () => {
      await replica.pauseReplay();
      await router.withDurability('remote_write', insert);
      await router.withDurability('on', insert);
      const shown = await count(replica);
      expect(await count()).toBe(shown + 2);
      const applied = router.withDurability('remote_apply', insert);
      await waitingPid();
      await replica.resumeReplay();
      await applied;
      expect(await count(replica)).toBe(shown + 3);
    });
  });

  describe('with one that is gone', () => {
    beforeAll(() => replica.stop());

    const inTransaction = (): Promise<unknown> =>
      source.transaction(async (manager) => {
        await manager.query(`SET LOCAL statement_timeout = 40`);
        await manager.query(INSERT);
      });

    it.each([
      ['a write', () => insert()],
      ['a transaction', inTransaction],
    ])('tells the caller of %s whose wait was cancelled, which is committed', async (_, write) => {
      const before = await count();
      const failure = failureOf(router.withDurability('on', write));
      await cluster.primary.query('SELECT pg_cancel_backend($1)', [await waitingPid()]);
      expect(await failure).toMatchObject({
        code: 'REPLICA_DURABILITY_DOWNGRADED',
        message: expect.stringContaining('The transaction is committed on primary'),
      });
      expect(downgraded).toEqual([{ node: 'primary', durability: 'on' }]);
      expect(await count()).toBe(before + 1);
      expect(await router.withDurability('local', insert)).toBe('local');
    });

    it('does not know whether it is committed if the connection was ended', async () => {
      const failure = failureOf(router.withDurability('remote_write', insert));
      await cluster.primary.query('SELECT pg_terminate_backend($1)', [await waitingPid()]);
      expect(await failure).toMatchObject({ code: 'REPLICA_COMMIT_OUTCOME_UNKNOWN' });
    });

    it('waits beyond statement_timeout, until the standby is back', async () => {
      const before = await count();
      const written = router.withDurability('on', inTransaction);
      await waitingPid(200);
      await replica.start();
      await written;
      expect(await count()).toBe(before + 1);
      expect(downgraded).toEqual([]);
    });
  });
});
