import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { ReplicaDataSource } from 'nestjs-replica';
import { startSource } from '../support/app/start-source.js';
import { REPLICA } from '../support/app/routes.js';
import { until } from '../support/until.js';
import { useLedgerCluster, whilePaused } from '../support/cluster/use-cluster.js';
import { Transcript } from '../support/cluster/transcript.js';
import { Account, Entry } from '../support/ledger/accounts.js';

const cluster = useLedgerCluster({
  count: 0,
  sql: `
    INSERT INTO account (owner, balance) VALUES ('ann', 1), ('bob', 2);
    CREATE UNLOGGED TABLE scratch (id int)`,
});

describe('statements of a data source', () => {
  let source: ReplicaDataSource;
  let transcript: Transcript;
  let events: string[];

  beforeAll(async () => {
    source = await startSource(cluster, { extra: { max: 4 } });
    transcript = new Transcript(cluster);
    source.router.on('statement', ({ node, reason, errorCode }) => {
      events.push(`${node} ${reason}${errorCode === undefined ? '' : ` ${errorCode}`}`);
    });
  });

  beforeEach(async () => {
    events = [];
    await transcript.clear();
  });

  afterAll(async () => {
    await source.destroy();
  });

  const onReplica = <T>(fn: () => Promise<T>): Promise<T> => source.router.runOnReplica({}, fn);
  const oneNode = (): string => {
    const nodes = new Set(events.map((event) => event.split(' ')[0]));
    expect(nodes.size).toBe(1);
    return [...nodes][0] as string;
  };

  it('run a read-only transaction on one replica, in one snapshot', async () => {
    const counts = await source.router.readOnlyTransaction({}, async (manager) => {
      const before = await manager.count(Account);
      await cluster.primary.query(`INSERT INTO account (owner) VALUES ('later')`);
      await cluster.waitForCatchUp();
      return [
        before,
        await manager.count(Account),
        await manager.query('SELECT count(*)::int AS n FROM account'),
      ];
    });
    expect(counts).toEqual([2, 2, [{ n: 2 }]]);
    expect(oneNode()).toEqual(REPLICA);
    expect(events).toContainEqual(expect.stringContaining('read-only-transaction'));
    expect((await transcript.of(oneNode())).slice(0, 3)).toEqual([
      'START TRANSACTION',
      'SET TRANSACTION ISOLATION LEVEL REPEATABLE READ',
      'SET TRANSACTION READ ONLY',
    ]);
  });

  it('refuse to write in a read-only transaction, and leave nothing open', async () => {
    const writing = source.router.readOnlyTransaction({}, (manager) => manager.save(Account, { owner: 'x' }));
    await expect(writing).rejects.toMatchObject({ driverError: { code: '25006' } });
    expect(await onReplica(() => source.getRepository(Account).count())).toBe(3);
  });

  it('begin a read-only transaction on the primary where the session needs it', async () => {
    await whilePaused(cluster, async () => {
      const balance = await onReplica(async () => {
        await source.getRepository(Account).increment({ id: 1 }, 'balance', 10);
        return source.router.readOnlyTransaction({}, (manager) => manager.sum(Account, 'balance', { id: 1 }));
      });
      expect(balance).toBe(11);
    });
  });

  it('keep a connection that a statement left something on', async () => {
    await onReplica(async () => {
      const runner = source.createQueryRunner('slave');
      try {
        await runner.query(`SET my.note = 'kept'`);
        expect(await runner.query(`SELECT current_setting('my.note') AS note`)).toEqual([{ note: 'kept' }]);
        await runner.query('CREATE TEMP TABLE own (id int)');
        await runner.query('INSERT INTO own VALUES (1)');
        expect(await runner.query('SELECT id FROM own')).toEqual([{ id: 1 }]);
        await runner.query('RESET my.note');
        await runner.query('DROP TABLE own');
      } finally {
        await runner.release();
      }
    });
    expect(oneNode()).toBe('primary');
  });

  it('hear notifications on a connection that listens', async () => {
    const runner = source.createQueryRunner();
    const client = (await runner.connect()) as NodeJS.EventEmitter;
    const heard = new Promise((resolve) => client.once('notification', resolve));
    await runner.query('LISTEN news');
    await source.query(`SELECT pg_notify('news', 'hello')`);
    expect(await heard).toMatchObject({ channel: 'news', payload: 'hello' });
    await runner.query('UNLISTEN *');
    await runner.release();
  });

  it('run in the order in which they are given, though nobody waits', async () => {
    const runner = source.createQueryRunner();
    const results = await Promise.all([
      runner.query('BEGIN'),
      runner.query(`INSERT INTO account (owner) VALUES ('in order') RETURNING id`),
      runner.query(`SELECT count(*)::int AS n FROM account WHERE owner = 'in order'`),
      runner.query('ROLLBACK'),
      runner.query(`SELECT count(*)::int AS n FROM account WHERE owner = 'in order'`),
    ]);
    await runner.release();
    expect([results[2], results[4]]).toEqual([[{ n: 1 }], [{ n: 0 }]]);
  });

  it('roll back what is released inside a transaction', async () => {
    const runner = source.createQueryRunner();
    await runner.startTransaction();
    await runner.query(`UPDATE account SET balance = 999 WHERE id = 2`);
    await runner.release();
    const [{ balance }] = await source.query('SELECT balance FROM account WHERE id = 2 FOR UPDATE');
    expect(balance).toBe(2);
  });

  it('run again on the primary where a replica refuses them, and stay there', async () => {
    // An unlogged table has no rows on a standby: 0A000.
    expect(await onReplica(() => source.query('SELECT count(*)::int AS n FROM scratch'))).toEqual([{ n: 0 }]);
    expect(events.at(-1)).toMatch(/^primary /);
  });

  it('run again on the primary where a replica has not replayed a migration yet', async () => {
    await whilePaused(cluster, async () => {
      await cluster.primary.query('CREATE TABLE brand_new AS SELECT 7 AS id');
      const rows = await onReplica(() => source.query('SELECT id FROM brand_new'));
      expect(rows).toEqual([{ id: 7 }]);
    });
  });

  it('stream from a replica, and write on the primary with the same runner afterwards', async () => {
    await onReplica(async () => {
      const runner = source.createQueryRunner('slave');
      const ids: number[] = [];
      const stream = await runner.stream('SELECT id FROM account ORDER BY id');
      for await (const row of stream) ids.push((row as { id: number }).id);
      expect(ids.slice(0, 2)).toEqual([1, 2]);
      await runner.query('UPDATE account SET balance = balance WHERE id = 1');
      await runner.release();
    });
    expect(events.map((event) => event.split(' ')[0])).toEqual([REPLICA, 'primary']);
  });

  it('serve pg as it is used directly', async () => {
    const pool = (source.driver as unknown as { slaves: PgPool[] }).slaves[0] as PgPool;
    const result = await onReplica(() => pool.query('SELECT $1::int AS n', [5]));
    expect(result.rows).toEqual([{ n: 5 }]);
    const client = await pool.connect();
    const viaCallback = await new Promise((resolve, reject) => {
      client.query(
        { text: 'SELECT $1::text AS t', values: ['x'], rowMode: 'array' },
        (error: unknown, answer: { rows: unknown }) => (error ? reject(error) : resolve(answer.rows)),
      );
    });
    expect(viaCallback).toEqual([['x']]);
    client.release();
    expect(() => client.query(undefined)).toThrow(TypeError);
    await expect(client.query('SELECT 1')).rejects.toThrow('released');
  });

  it("keep the errors of the driver with TypeORM's wrapping", async () => {
    const failing = onReplica(() => source.query('SELECT 1 / 0'));
    await expect(failing).rejects.toMatchObject({ name: 'QueryFailedError', driverError: { code: '22012' } });
    await expect(source.query('SELECT nonsense FROM account')).rejects.toMatchObject({
      driverError: { code: '42703' },
    });
  });

  it('leave no connection checked out', async () => {
    // What the library asks after an answer, a position say, may be under way for a moment.
    await until(async () => {
      const busy = await cluster.primary.query(
        `SELECT 1 FROM pg_stat_activity WHERE application_name = 'app-under-test' AND state <> 'idle'`,
      );
      return busy.length === 0;
    }, 'the end of all statements');
    const rows = await Promise.all(Array.from({ length: 20 }, () => source.query('SELECT 1 AS one')));
    expect(rows).toHaveLength(20);
  });
});

interface PgPool {
  query(text: string, values?: unknown[]): Promise<{ rows: unknown[] }>;
  connect(): Promise<{ query: (...args: any[]) => any; release(): void }>;
}

describe('a data source without replicas', () => {
  it('runs everything on the primary, and watches and captures nothing', async () => {
    const before = (await cluster.primary.readLog()).length;
    const source = await new ReplicaDataSource({
      type: 'postgres',
      url: cluster.primary.url,
      entities: [Account, Entry],
      synchronize: true,
    }).initialize();
    const reasons: string[] = [];
    source.router.on('statement', ({ reason }) => reasons.push(reason));
    await source.router.runOnReplica({}, async () => {
      await source.getRepository(Account).insert({ owner: 'carl' });
      expect(await source.getRepository(Account).countBy({ owner: 'carl' })).toBe(1);
    });
    expect(new Set(reasons)).toEqual(new Set(['routing-disabled']));
    expect((await cluster.primary.readLog()).slice(before)).not.toContain('pg_is_in_recovery() AS');
    await source.destroy();
  });
});
