import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { ReplicaDataSource, type StatementEvent } from 'nestjs-replica';
import { In, type Repository } from 'typeorm';
import mysql2, { type Connection } from 'mysql2';
import { isReady } from '../support/app/test-app.js';
import { useCluster } from '../support/cluster/use-cluster.js';
import { until } from '../support/until.js';
import { AddNotes1764547200000, Product } from './support/product.js';

const cluster = useCluster({ database: 'mariadb', settings: { general_log: true } });

/** What the primary has run since `from` on the connection that ran the text, in order. */
async function ranBeside(text: string, from: number): Promise<string[]> {
  const log = (await cluster.primary.readLog()).slice(from);
  const lines = [...log.matchAll(/(\d+) Query\t(.*)$/gm)].map(([, id, sql]) => ({ id, sql: sql ?? '' }));
  const id = lines.find(({ sql }) => sql.includes(text))?.id;
  return lines.filter((line) => line.id === id).map(({ sql }) => sql);
}

describe.each(['mariadb', 'mysql'] as const)("TypeORM with type: '%s'", (type) => {
  let data: ReplicaDataSource;
  let products: Repository<Product>;
  const told: StatementEvent[] = [];

  const nodesOf = (): unknown[] => told.map(({ node }) => node);
  /** Reads of `fn` may go to replicas, which have all that was written before. */
  async function fromReplica<T>(fn: () => Promise<T>): Promise<T> {
    await cluster.waitForCatchUp();
    await until(() => isReady(data.router), 'replicas without lag');
    told.length = 0;
    return data.router.runOnReplica({}, fn);
  }

  beforeAll(async () => {
    data = new ReplicaDataSource({
      type,
      primary: { url: cluster.primary.url },
      replicas: cluster.replicas.map(({ url }) => ({ url })),
      monitor: { intervalMs: 100 },
      entities: [Product],
      migrations: [AddNotes1764547200000],
      synchronize: true,
      dropSchema: true,
      charset: 'utf8mb4',
    });
    await data.initialize();
    data.router.on('statement', (event) => void told.push(event));
    products = data.getRepository(Product);
  });
  afterAll(() => data.destroy());
  beforeEach(async () => {
    await products.clear();
    await products.insert([{ name: 'pen' }, { name: 'ink', price: '2.50' }]);
    told.length = 0;
  });

  it('saves, and finds on a replica', async () => {
    const saved = await products.save({ name: 'cup', stock: 3, labels: { colour: "red's" } });
    expect(saved).toMatchObject({ id: expect.any(Number), price: '1.00', createdAt: expect.any(Date) });
    expect(new Set(nodesOf())).toEqual(new Set(['primary']));
    const found = await fromReplica(() => products.findOneByOrFail({ name: 'cup' }));
    expect(found).toEqual(saved);
    expect(found.labels).toEqual({ colour: "red's" });
    expect(nodesOf()).toEqual([expect.not.stringMatching('primary')]);
  });

  it('inserts, updates, upserts and deletes', async () => {
    const { identifiers } = await products.insert([{ name: 'a' }, { name: 'b' }]);
    expect(identifiers).toHaveLength(2);
    expect(await products.findBy({ id: In(identifiers.map(({ id }) => id as number)) })).toHaveLength(2);
    expect(await products.update({ name: 'a' }, { stock: 5 })).toMatchObject({ affected: 1 });
    await products.upsert({ name: 'a', stock: 7 }, ['name']);
    expect(await products.findOneByOrFail({ name: 'a' })).toMatchObject({ stock: 7 });
    await products.increment({ name: 'a' }, 'stock', 2);
    expect(await products.findOneByOrFail({ name: 'a' })).toMatchObject({ stock: 9 });
    expect(await products.delete({ name: In(['a', 'b']) })).toMatchObject({ affected: 2 });
    expect(await products.count()).toBe(2);
  });

  it.each(['READ UNCOMMITTED', 'READ COMMITTED', 'REPEATABLE READ', 'SERIALIZABLE'] as const)(
    'runs a transaction at %s on one connection of the primary',
    async (level) => {
      const from = (await cluster.primary.readLog()).length;
      await fromReplica(() =>
        data.transaction(level, async (manager) => {
          await manager.update(Product, { name: 'pen' }, { stock: 1 });
          expect(await manager.countBy(Product, { stock: 1 })).toBe(1);
        }),
      );
      const ran = await ranBeside(level, from);
      const begin = ran.indexOf(`SET TRANSACTION ISOLATION LEVEL ${level}`);
      expect(ran.slice(begin + 1, begin + 5)).toEqual([
        'START TRANSACTION',
        expect.stringMatching(/^UPDATE/),
        expect.stringMatching(/^SELECT COUNT/),
        'COMMIT',
      ]);
      expect(new Set(nodesOf())).toEqual(new Set(['primary']));
      expect(await products.findOneByOrFail({ name: 'pen' })).toMatchObject({ stock: 1 });
    },
  );

  it('rolls back, also to a savepoint', async () => {
    await data.transaction(async (manager) => {
      await manager.update(Product, { name: 'pen' }, { stock: 1 });
      const inner = manager.transaction(async (nested) => {
        await nested.update(Product, { name: 'ink' }, { stock: 1 });
        throw new Error('no');
      });
      await expect(inner).rejects.toThrow('no');
    });
    const rolledBack = data.transaction(async (manager) => {
      await manager.delete(Product, { name: 'pen' });
      throw new Error('never');
    });
    await expect(rolledBack).rejects.toThrow('never');
    const stocks = await products.find({ order: { name: 'ASC' } });
    expect(stocks.map(({ name, stock }) => [name, stock])).toEqual([
      ['ink', 0],
      ['pen', 1],
    ]);
  });

  it('locks rows on the primary', async () => {
    const locked = await fromReplica(() =>
      data.transaction((manager) =>
        manager.findOneOrFail(Product, { where: { name: 'pen' }, lock: { mode: 'pessimistic_write' } }),
      ),
    );
    expect(locked.name).toBe('pen');
    expect(new Set(nodesOf())).toEqual(new Set(['primary']));
  });

  it('runs raw statements, and gives the answers of mysql2', async () => {
    const rows = await fromReplica(() =>
      data.query('SELECT name FROM product WHERE price > ? ORDER BY name', [2]),
    );
    expect(rows).toEqual([{ name: 'ink' }]);
    expect(nodesOf()).toEqual([expect.not.stringMatching('primary')]);
    const header = await data.query<object>('INSERT INTO product (name) VALUES (?)', ['raw']);
    expect(header).toMatchObject({ affectedRows: 1, insertId: expect.any(Number) });
    await expect(data.query('SELECT * FROM nowhere')).rejects.toMatchObject({ errno: 1146 });
  });

  it('gives connections that take what those of mysql2 take', async () => {
    const runner = data.createQueryRunner();
    const connection = (await runner.connect()) as Connection;
    const answerTo = (...call: readonly unknown[]): Promise<unknown> =>
      new Promise((resolve) => {
        connection.query(...(call as [string]), (error, rows) => resolve(error ?? rows));
      });
    const one = [{ one: 1 }];
    expect(await answerTo('SELECT 1 AS one')).toEqual(one);
    expect(await answerTo('SELECT ? AS one', [1])).toEqual(one);
    expect(await answerTo({ sql: 'SELECT ? AS one', values: [1] })).toEqual(one);
    expect(await answerTo({ sql: 'SELECT ? AS one', timeout: 5_000 }, [1])).toEqual(one);
    expect(await answerTo({ sql: 'SELECT 1 AS one', rowsAsArray: true })).toEqual([[1]]);
    expect(await answerTo('SELECT * FROM nowhere')).toMatchObject({ errno: 1146 });
    const [rows, fields] = await connection.promise().query('SELECT 1 AS one');
    expect([rows, fields.map(({ name }) => name)]).toEqual([one, ['one']]);
    await runner.release();
  });

  it('takes values that are SQL for more than a read', async () => {
    const [row] = await fromReplica(() =>
      data.query<[{ name: string }]>('SELECT name FROM product WHERE name = ?', [mysql2.raw("'pen'")]),
    );
    expect(row).toEqual({ name: 'pen' });
    expect(nodesOf()).toEqual(['primary']);
  });

  it('streams rows from a replica, and gives up a stream that nobody reads to its end', async () => {
    const names = await fromReplica(async () => {
      const found: unknown[] = [];
      const stream = await products.createQueryBuilder('p').orderBy('p.name').stream();
      for await (const row of stream) found.push((row as { p_name: string }).p_name);
      return found;
    });
    expect(names).toEqual(['ink', 'pen']);
    expect(nodesOf()).toEqual([expect.not.stringMatching('primary')]);
    await fromReplica(async () => {
      const stream = await data.createQueryBuilder().select('p').from(Product, 'p').stream();
      for await (const row of stream) {
        expect(row).toBeDefined();
        break;
      }
    });
    expect(await fromReplica(() => products.count())).toBe(2);
  });

  it('passes on the error of a stream', async () => {
    const stream = await fromReplica(() =>
      data.createQueryBuilder().select('1').from('nowhere', 'n').stream(),
    );
    const read = async (): Promise<void> => {
      for await (const row of stream) expect(row).toBeUndefined();
    };
    await expect(read()).rejects.toMatchObject({ errno: 1146 });
  });

  it('reads in a transaction on a replica that cannot write', async () => {
    await cluster.waitForCatchUp();
    await until(() => isReady(data.router), 'replicas without lag');
    told.length = 0;
    const found = await data.router.readOnlyTransaction({}, async (manager) => {
      const count = await manager.count(Product);
      await expect(manager.insert(Product, { name: 'no' })).rejects.toMatchObject({ errno: 1290 });
      return count;
    });
    expect(found).toBe(2);
    expect(new Set(nodesOf())).toEqual(new Set([expect.not.stringMatching('primary')]));
  });

  it('runs migrations on the primary', async () => {
    expect(await fromReplica(() => data.runMigrations())).toHaveLength(1);
    expect(await data.query('SELECT * FROM note')).toEqual([]);
    await data.undoLastMigration();
    await expect(data.query('SELECT * FROM note')).rejects.toMatchObject({ errno: 1146 });
  });

  it('leaves no connection behind', async () => {
    const other = new ReplicaDataSource({
      type,
      primary: { url: cluster.primary.url, pool: { applicationName: 'leaver' } },
    });
    const countOf = async (): Promise<number> => (await cluster.primary.query('SHOW PROCESSLIST')).length;
    const before = await countOf();
    await other.initialize();
    await other.query('SELECT 1');
    await other.destroy();
    await until(async () => (await countOf()) <= before, 'that the connections are closed');
    expect(other.isInitialized).toBe(false);
  });
});
