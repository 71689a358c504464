import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { ReplicaDataSource } from 'nestjs-replica';
import pg from 'pg';
import QueryStream from 'pg-query-stream';
import { startSource } from '../../support/app/start-source.js';
import { useLedgerCluster } from '../../support/cluster/use-cluster.js';
import { Account } from '../../support/ledger/accounts.js';
import { until } from '../../support/until.js';

interface Pools {
  readonly master: pg.Pool;
  readonly slaves: readonly pg.Pool[];
}

/** What a call by callback gave. */
function byCallback<T>(call: (callback: (error: unknown, result: T) => void) => unknown): Promise<T> {
  return new Promise((resolve, reject) => {
    const given = call((error, result) => {
      if (error === null || error === undefined) resolve(result);
      else reject(error);
    });
    if (given !== undefined) reject(new Error('it also gave a promise'));
  });
}

/** `query()` of a pool as its own types do not know it: they promise nothing for what runs itself. */
const queryBy = (pool: pg.Pool, submittable: object): Promise<unknown> =>
  (pool.query as (submittable: object) => Promise<unknown>).call(pool, submittable);

const cluster = useLedgerCluster({ count: 2 });

describe('pools and clients as those of pg', () => {
  let source: ReplicaDataSource;
  let plain: pg.Pool;

  beforeAll(async () => {
    source = await startSource(cluster, { poolSize: 4 });
    plain = new pg.Pool({ connectionString: cluster.primary.url });
  });
  afterAll(async () => {
    await plain.end();
  });

  const pools = (): Pools => source.driver as unknown as Pools;
  const ours = (): pg.Pool[] => [pools().master, pools().slaves[0] as pg.Pool];

  it('take every form of query() and connect()', async () => {
    for (const pool of [plain, ...ours()]) {
      const rows = [{ n: 5 }];
      const text = 'SELECT $1::int AS n';
      expect(await byCallback((back) => pool.query('SELECT 5 AS n', back))).toMatchObject({ rows });
      expect(await byCallback((back) => pool.query(text, [5], back))).toMatchObject({ rows });
      expect(await byCallback((back) => pool.query({ text, values: [5] }, back))).toMatchObject({ rows });
      expect(await byCallback((back) => pool.query({ text } as never, [5], back))).toMatchObject({ rows });
      expect(await pool.query({ text, values: [5], rowMode: 'array' })).toMatchObject({ rows: [[5]] });
      expect(await queryBy(pool, new pg.Query(text, [5]))).toMatchObject({ rows });
      await expect(byCallback((back) => pool.query('SELECT 1 / 0', back))).rejects.toMatchObject({
        code: '22012',
      });
      await expect(byCallback((back) => pool.query(back as never))).rejects.toThrow('first parameter');
      await expect(async () => pool.query(undefined as never)).rejects.toThrow(TypeError);
      const order: string[] = [];
      const connected = byCallback<pg.PoolClient>((back) =>
        pool.connect((error, client) => {
          order.push('connected');
          back(error, client as pg.PoolClient);
        }),
      );
      order.push('called');
      const client = await connected;
      expect(order).toEqual(['called', 'connected']);
      const query = new pg.Query('SELECT 5 AS n');
      const result = await new Promise((resolve) =>
        (client.query as (...args: unknown[]) => unknown)(query, (_: unknown, given: unknown) =>
          resolve(given),
        ),
      );
      expect(result).toMatchObject({ rows });
      client.release();
      expect(() => client.release()).toThrow('already been released');
    }
  });

  it('read a stream to its end, and give the connection back', async () => {
    for (const pool of ours()) {
      const stream = new QueryStream('SELECT generate_series(1, 3) AS n');
      const done = queryBy(pool, stream);
      expect(await stream.toArray()).toEqual([{ n: 1 }, { n: 2 }, { n: 3 }]);
      await done;
    }
  });

  it('give what a client gives', async () => {
    for (const pool of [plain, ...ours()]) {
      const client = await pool.connect();
      expect(client.escapeLiteral(`it's`)).toBe(`'it''s'`);
      expect(client.escapeIdentifier('a"b')).toBe('"a""b"');
      client.setTypeParser(23, (value: string) => `int ${value}`);
      expect(client.getTypeParser(23, 'text')('1')).toBe('int 1');
      await client.query('BEGIN');
      expect(client.getTransactionStatus()).toBe('T');
      const { rows } = await client.query('SELECT pg_backend_pid() AS pid, $1::int AS n', [5]);
      expect(rows).toEqual([
        { pid: `int ${(client as unknown as { processID: number }).processID}`, n: 'int 5' },
      ]);
      await client.query('ROLLBACK');
      client.release(true);
      expect((await pool.query('SELECT 1 AS n')).rows).toEqual([{ n: 1 }]);
    }
  });

  it('count connections, and show how they are set without anything secret', async () => {
    const pool = pools().master;
    const clients = await Promise.all([1, 2].map(() => pool.connect()));
    await Promise.all(clients.map((client) => client.query('UPDATE account SET balance = 0')));
    expect(pool.totalCount - pool.idleCount).toBeGreaterThanOrEqual(2);
    expect([pool.waitingCount, pool.expiredCount]).toEqual([0, 0]);
    for (const client of clients) client.release();
    expect(pool.idleCount).toBeGreaterThanOrEqual(2);
    expect(pool.options).toMatchObject({ max: 4, idleTimeoutMillis: 10_000 });
    expect(JSON.stringify(pool.options)).not.toMatch(/postgres|password/);
    expect([pool.ending, pool.ended]).toEqual([false, false]);
  });

  it('emit what happens to the connections of all nodes', async () => {
    const [master, slave] = ours() as [pg.Pool, pg.Pool];
    const seen: string[] = [];
    for (const event of ['connect', 'acquire', 'release', 'remove'] as const)
      master.on(event as 'connect', () => seen.push(event));
    master.on('connect', (client) => void client.query(`SET my.tenant = 'ann'`));
    const tenantOf = async (): Promise<unknown> =>
      (await slave.query(`SELECT current_setting('my.tenant', true) AS tenant`)).rows[0].tenant;
    const tenants = new Set<unknown>();
    const nodes = new Set<string | null>();
    source.router.on('statement', ({ node }) => nodes.add(node));
    for (let n = 0; n < 60; n++) tenants.add(await source.router.runOnReplica({}, tenantOf));
    await Promise.all(
      Array.from({ length: 20 }, async () => tenants.add(await source.router.runOnReplica({}, tenantOf))),
    );
    tenants.add(await tenantOf());
    expect([...tenants]).toEqual(['ann']);
    expect(nodes).toEqual(new Set(['primary', 'replica-1', 'replica-2']));
    expect(new Set(seen)).toEqual(new Set(['acquire', 'connect', 'release', 'remove']));
    const removed = new Promise((resolve) => master.once('remove', resolve));
    const failed = new Promise((resolve) => master.once('error', resolve));
    // Those of before may have idled for too long. The one that this read leaves is idle, or a lane with nothing to do.
    await tenantOf();
    await cluster.primary.query(
      `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'app-under-test' AND state = 'idle'`,
    );
    await Promise.all([removed, failed]);
    master.removeAllListeners('connect');
  });

  it('emit each event once after the data source was destroyed and initialized anew', async () => {
    const own = await startSource(cluster);
    const poolsOf = (): pg.Pool[] => {
      const driver = own.driver as unknown as { master: pg.Pool; slaves: pg.Pool[] };
      return [driver.master, ...driver.slaves];
    };
    const removed: unknown[] = [];
    for (const pool of poolsOf()) pool.on('remove', (client) => removed.push(client));
    await own.query('SELECT 1');
    await own.router.runOnReplica({}, () => own.query('SELECT 1'));
    await own.destroy();
    // The pool of the primary hears of both connections, the other one of the replica's. `pg` tells after the pool has ended.
    await until(() => removed.length === 3, 'the end of all connections');
    await own.initialize();
    let connected = 0;
    const [master] = poolsOf();
    master?.on('acquire', () => connected++);
    await own.query('SELECT 1');
    expect(connected).toBe(1);
    await own.destroy();
    expect(removed).toHaveLength(3);
  });

  it('call the option onConnect on all nodes, before anything else runs there', async () => {
    const own = await startSource(cluster, {
      extra: { onConnect: (client: pg.ClientBase) => client.query(`SET my.tenant = 'bob'`) },
    });
    const sql = `SELECT current_setting('my.tenant', true) AS tenant`;
    for (let n = 0; n < 20; n++)
      expect(await own.router.runOnReplica({}, () => own.query(sql))).toEqual([{ tenant: 'bob' }]);
    expect(await own.query(sql)).toEqual([{ tenant: 'bob' }]);
    await own.destroy();
  });

  it.each(['BEGIN', 'start transaction', 'BEGIN; UPDATE account SET balance = 9', 'COMMIT; BEGIN'])(
    'refuse to leave the transaction of %s to whoever comes next',
    async (sql) => {
      const error = { code: 'REPLICA_UNBOUND_TRANSACTION' };
      await expect(source.query(sql)).rejects.toMatchObject(error);
      await expect(source.manager.query(sql)).rejects.toMatchObject(error);
      for (const pool of ours()) {
        await expect(pool.query(sql)).rejects.toMatchObject(error);
        await expect(byCallback((back) => pool.query({ text: sql }, back))).rejects.toMatchObject(error);
      }
      expect(await source.getRepository(Account).sum('balance')).toBe(0);
    },
  );

  it('run a text that ends its own transaction', async () => {
    await source.query('BEGIN; UPDATE account SET balance = 2 WHERE id = 1; COMMIT');
    await source.query('BEGIN; UPDATE account SET balance = 9; ROLLBACK');
    expect(await source.getRepository(Account).sum('balance')).toBe(2);
    await expect(source.query('SAVEPOINT a')).rejects.toMatchObject({ code: '25P01' });
    await source.query(`SET LOCAL work_mem = '1MB'`);
  });
});
