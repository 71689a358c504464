import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { startMariadbCluster, type DatabaseCluster, type DatabaseNode } from 'nestjs-replica/testing';
import { until } from '../support/until.js';
import { MariadbEngine, prepare } from './support/mariadb-engine.js';

const SELECT = 'SELECT id, name, n FROM item WHERE id = ?';

describe('reads that share connections to MariaDB', () => {
  let cluster: DatabaseCluster;
  let app: MariadbEngine;

  beforeAll(async () => {
    cluster = await startMariadbCluster({ settings: { general_log: true } });
    await prepare(cluster);
    const values = Array.from({ length: 200 }, (_, n) => `('name ${n + 1}', ${n + 1})`).join(', ');
    await cluster.primary.query(`INSERT INTO item (name, n) VALUES ${values}`);
    await createKinds(cluster.primary);
    await cluster.waitForCatchUp();
    app = await MariadbEngine.start(cluster, { pool: { size: 2 } });
  });

  afterAll(async () => {
    await app.stop();
    await cluster.stop();
  });

  const read = (id: number): Promise<readonly unknown[]> =>
    app.request(`s${id}`, (query) => query(SELECT, [id]));

  /** A text is on lanes once it is known to be fast. */
  async function warmUp(): Promise<void> {
    for (let n = 0; n < 40; n++) await read(1 + (n % 10));
  }

  it('answers each with its own rows', async () => {
    await warmUp();
    for (let round = 0; round < 20; round++) {
      const ids = Array.from({ length: 100 }, (_, n) => 1 + ((n * 7 + round) % 200));
      const answers = await Promise.all(ids.map((id) => read(id)));
      expect(answers).toEqual(ids.map((id) => [{ id, name: `name ${id}`, n: id }]));
    }
    const open = [...app.engine.cluster.router.nodePools].reduce(
      (sum, { connectionPool }) => sum + connectionPool.total,
      0,
    );
    expect(open).toBeLessThanOrEqual(6);
  });

  it('leaves the others alone when one fails', async () => {
    await warmUp();
    const failing = 'SELECT missing FROM item WHERE id = ?';
    const answers = await Promise.allSettled(
      Array.from({ length: 60 }, (_, n) =>
        n % 3 === 0
          ? app.request('x', (query) => query(failing, [n]))
          : app.request('x', (query) => query(SELECT, [n + 1])),
      ),
    );
    answers.forEach((answer, n) => {
      if (n % 3 === 0) expect(answer).toMatchObject({ status: 'rejected', reason: { errno: 1054 } });
      else
        expect(answer).toEqual({
          status: 'fulfilled',
          value: [{ id: n + 1, name: `name ${n + 1}`, n: n + 1 }],
        });
    });
  });

  it('runs them elsewhere when their server is killed', async () => {
    await warmUp();
    const reading = Promise.all(Array.from({ length: 200 }, (_, n) => read(n + 1)));
    const [replica] = cluster.replicas;
    await replica?.kill();
    expect((await reading).map(([row]) => (row as { id: number }).id)).toEqual(
      Array.from({ length: 200 }, (_, n) => n + 1),
    );
    await replica?.start();
  });

  it('go to the primary when the only replica is killed, unless their values may have ended it', async () => {
    const nodes = cluster.nodes.slice(0, 2);
    const one = await MariadbEngine.start({ nodes } as unknown as DatabaseCluster, { pool: { size: 2 } });
    const ask = (text: string, value: number): Promise<readonly unknown[]> =>
      one.request(`s${value}`, (query) => query(text, [value]));
    const elaborate = 'SELECT SLEEP(?), name FROM item WHERE id = 1';
    try {
      for (let n = 0; n < 40; n++) await ask(SELECT, 1 + n);
      await ask(elaborate, 0);
      const failed = ask(elaborate, 5);
      await until(async () => (await sleepersOn(nodes[1]!)) > 0, 'the read on the replica');
      const reading = Promise.all(Array.from({ length: 60 }, (_, n) => ask(SELECT, n + 1)));
      await nodes[1]!.kill();
      await expect(failed).rejects.toMatchObject({ code: 'REPLICA_NODE_CRASHED' });
      expect((await reading).map(([row]) => (row as { id: number }).id)).toEqual(
        Array.from({ length: 60 }, (_, n) => n + 1),
      );
      expect(await sleepersOn(nodes[0]!)).toBe(0);
    } finally {
      await one.stop();
      await nodes[1]!.start();
      await until(() => app.nodesUp === 3, 'that all nodes serve');
    }
  });

  it('gives the same values, whether they are prepared or not', async () => {
    const all = 'SELECT * FROM kinds WHERE id = ?';
    for (const id of [1, 2]) {
      const [first, ...others] = await inTurn(30, () =>
        app.request(`kinds${id}`, (query) => query(all, [id])),
      );
      expect(first).toHaveLength(1);
      for (const other of others) expect(other).toEqual(first);
    }
    const logs = await Promise.all(cluster.replicas.map((node) => node.readLog()));
    expect(logs.join('')).toMatch(/Execute.*SELECT \* FROM kinds/);
  });

  it('gives what a table has become since its reads were prepared', async () => {
    const { primary } = cluster;
    const ask = (): Promise<readonly unknown[]> =>
      app.request('changed', (query) => query('SELECT * FROM changed WHERE id = ?', [1]));
    const changes = [
      ['CREATE TABLE changed (id INT PRIMARY KEY, n INT)', {}],
      ['INSERT INTO changed VALUES (1, 2)', { n: 2 }],
      ["ALTER TABLE changed ADD s VARCHAR(9) DEFAULT 'new' FIRST", { n: 2, s: 'new' }],
      ['ALTER TABLE changed DROP n', { s: 'new' }],
      ['ALTER TABLE changed ADD f FLOAT DEFAULT 1.1', { s: 'new', f: 1.1 }],
    ] as const;
    for (const [sql, columns] of changes) {
      await primary.query(sql);
      await cluster.waitForCatchUp();
      if (sql.startsWith('CREATE')) continue;
      for (const answer of await inTurn(20, ask)) expect(answer).toEqual([{ id: 1, ...columns }]);
    }
  });

  it('sends as text what is another value in binary form', async () => {
    const ask = (text: string, id: number): Promise<readonly unknown[]> =>
      app.request(`odd${id}`, (query) => query(text, [id]));
    const texts = ODD_COLUMNS.map((column) => `SELECT ${column.split(' ')[0]} AS v FROM odd WHERE id = ?`);
    for (const text of [...texts, 'SELECT SUM(d) AS v FROM odd WHERE id >= ?']) {
      const [first, ...others] = await inTurn(12, () => ask(text, 1));
      expect(first).toHaveLength(1);
      for (const other of others) expect(other).toEqual(first);
    }
    expect(await ask(texts[0]!, 1)).toEqual([{ v: 1.1 }]);
    const logs = await Promise.all(cluster.replicas.map((node) => node.readLog()));
    expect(logs.join('')).not.toMatch(/Execute.*FROM odd/);
  });
});

/** Columns whose values differ between the two protocols. */
const ODD_COLUMNS = ['f FLOAT', 'd DOUBLE(10, 2)', 'tm TIME(3)', 'dt DATE', 'z BIGINT(20) ZEROFILL'];

async function inTurn<T>(times: number, work: () => Promise<T>): Promise<T[]> {
  const results: T[] = [];
  for (let n = 0; n < times; n++) results.push(await work());
  return results;
}

async function sleepersOn(node: DatabaseNode): Promise<number> {
  const rows = await node.query("SELECT 1 FROM information_schema.PROCESSLIST WHERE state = 'User sleep'");
  return rows.length;
}

/** Tables with a value of each type, with NULLs, and with what is another value in binary form. */
async function createKinds(primary: DatabaseNode): Promise<void> {
  const columns = [
    'ti TINYINT',
    'si SMALLINT',
    'mi MEDIUMINT',
    'i INT',
    'ui INT UNSIGNED',
    'bi BIGINT',
    'ubi BIGINT UNSIGNED',
    'de DECIMAL(30, 10)',
    'dbl DOUBLE',
    'bits BIT(10)',
    'yr YEAR',
    'tm TIME',
    'dtm DATETIME(6)',
    'ts TIMESTAMP(3) NULL',
    'ch CHAR(10)',
    'vc VARCHAR(200)',
    'tx TEXT',
    'bin BINARY(4)',
    'vb VARBINARY(10)',
    'bl BLOB',
    "en ENUM('a', 'b')",
    "st SET('x', 'y')",
    'js JSON',
    'uu UUID',
    'ip INET6',
    'geo POINT',
  ];
  await primary.query(`CREATE TABLE kinds (id INT PRIMARY KEY, ${columns.join(', ')})`);
  await primary.query(`INSERT INTO kinds VALUES (1, -128, -32768, -8388608, -2147483648, 4294967295, -9223372036854775808,
    18446744073709551615, -12345678901234567890.0123456789, 1.7976931348623157e308, b'1010101010', 2026, '-838:59:58',
    '2026-11-30 23:59:59.123456', '2026-11-30 23:59:59.123', 'ü', '"😀', REPEAT('t', 60000), x'00ff00ff', x'00', x'0001', 'b', 'x,y',
    '{"a": [1, null]}', '123e4567-e89b-12d3-a456-426655440000', '::1', POINT(1, 2))`);
  await primary.query('INSERT INTO kinds (id) VALUES (2)');
  await primary.query(`CREATE TABLE odd (id INT PRIMARY KEY, ${ODD_COLUMNS.join(', ')})`);
  await primary.query(`SET STATEMENT sql_mode = '' FOR
    INSERT INTO odd VALUES (1, 1.1, 0.1, '12:00:00.500', '0000-00-00', 7), (2, 0, 0.2, '-00:00:01', '2026-00-10', 0)`);
}
