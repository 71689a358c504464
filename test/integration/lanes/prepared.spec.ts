import { afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import type { PostgresNode } from 'nestjs-replica/testing';
import pg from 'pg';
import type { NodePool } from '../../../libs/replica/src/execution/pools/node-pool.js';
import { lanePool, makeFast, read, run, type LanePoolOptions } from '../../support/lanes/lane-pool.js';
import { useCluster } from '../../support/cluster/use-cluster.js';

const PREPARED = `SELECT name, statement FROM pg_prepared_statements WHERE name LIKE 'nestjs_replica_%'`;

const cluster = useCluster({ replicas: 0 });

describe('prepared reads', () => {
  let node: PostgresNode;
  let pool: NodePool;

  beforeAll(() => {
    node = cluster.primary;
  });
  afterEach(() => pool.end());

  /** With one connection, so that each read meets what the others have prepared. By a slow clock each of them is fast. */
  function start(changes?: Partial<LanePoolOptions>): void {
    pool = lanePool(node, { config: { max: 1 }, nowMs: () => performance.now() / 5_000, ...changes });
  }
  const prepared = async (): Promise<{ name: string; statement: string }[]> =>
    (await run(pool, PREPARED)).rows;

  it('are prepared from the nth use on', async () => {
    start({ lanes: { prepare: { after: 8, perConnection: 10 } } });
    for (let n = 1; n <= 7; n++) await read(pool, 'SELECT $1::int AS n', [n]);
    expect(await prepared()).toEqual([]);
    expect((await read(pool, 'SELECT $1::int AS n', [8])).rows).toEqual([{ n: 8 }]);
    expect(await prepared()).toEqual([expect.objectContaining({ statement: 'SELECT $1::int AS n' })]);
  });

  it('are not prepared where the options say so', async () => {
    start({ lanes: {} });
    for (let n = 1; n <= 20; n++) await read(pool, 'SELECT $1::int AS n', [n]);
    expect(await prepared()).toEqual([]);
  });

  it('are bounded in number, also on the server, and those in use stay', async () => {
    start();
    const often = 'SELECT $1::int AS often';
    for (let n = 0; n < 40; n++) {
      await makeFast(pool, `SELECT $1::int AS n${n}`, [n]);
      await read(pool, often, [n]);
      expect((await prepared()).length).toBeLessThanOrEqual(10);
    }
    const texts = (await prepared()).map(({ statement }) => statement);
    expect(texts).toHaveLength(10);
    expect(texts).toContain(often);
    expect(texts).toContain('SELECT $1::int AS n39');
  });

  it('stay right when more texts than may be kept are used at once', async () => {
    start();
    const texts = Array.from({ length: 30 }, (_, n) => `SELECT ${n} AS text, $1::int AS n`);
    for (const text of texts) await makeFast(pool, text, [0]);
    for (let round = 0; round < 5; round++) {
      const results = await Promise.all(texts.map((text) => read(pool, text, [round])));
      expect(results.map(({ rows }) => rows[0])).toEqual(texts.map((_, n) => ({ text: n, n: round })));
    }
    expect((await prepared()).length).toBeLessThanOrEqual(10);
  });

  it('survive a change of their table', async () => {
    start();
    await node.query('CREATE TABLE changing AS SELECT 1 AS id');
    const text = 'SELECT * FROM changing WHERE id::text = $1::text';
    await makeFast(pool, text, [1]);
    expect(await prepared()).toHaveLength(1);
    await node.query(`ALTER TABLE changing ADD COLUMN note text DEFAULT 'new'`);
    const rows = await Promise.all(Array.from({ length: 10 }, () => read(pool, text, [1])));
    for (const result of rows) expect(result.rows).toEqual([{ id: 1, note: 'new' }]);
    await node.query('ALTER TABLE changing ALTER COLUMN id TYPE text');
    expect((await read(pool, text, [1])).rows).toEqual([{ id: '1', note: 'new' }]);
    // A read that took long because the machine is busy is no fast one any more.
    await makeFast(pool, text, [1]);
    expect((await read(pool, text, [1])).rows).toEqual([{ id: '1', note: 'new' }]);
    expect(await prepared()).toHaveLength(1);
    await node.query('ALTER TABLE changing RENAME COLUMN note TO remark');
    for (let n = 0; n < 3; n++)
      expect((await read(pool, text, [1])).rows).toEqual([{ id: '1', remark: 'new' }]);
  });

  it('tell each time what their columns are, and read them as types are read by then', async () => {
    start();
    const text = 'SELECT $1::int AS n, $1::text AS word, NULL::date AS day';
    const [first] = await Promise.all([read(pool, text, [7]), makeFast(pool, text, [1])]);
    expect(await prepared()).toHaveLength(1);
    const again = await read(pool, text, [7]);
    expect([again.fields, again.rows]).toEqual([first.fields, [{ n: 7, word: '7', day: null }]]);
    again.fields.length = 0;
    const asArrays = await read(pool, { text, rowMode: 'array' }, [7]);
    expect([asArrays.fields, asArrays.rows]).toEqual([first.fields, [[7, '7', null]]]);
    const INT = 23;
    const asNumber = pg.types.getTypeParser(INT);
    try {
      pg.types.setTypeParser(INT, (value) => `${value}!`);
      expect((await read(pool, text, [7])).rows).toEqual([{ n: '7!', word: '7', day: null }]);
    } finally {
      pg.types.setTypeParser(INT, asNumber);
    }
    expect((await read(pool, `${text} LIMIT 0`, [7])).rows).toEqual([]);
    const nothing = `${text} WHERE $1::int < 0`;
    for (let n = 0; n < 8; n++)
      expect(await read(pool, nothing, [7])).toMatchObject({ rows: [], rowCount: 0, fields: first.fields });
  });

  it('survive being freed by somebody else', async () => {
    start();
    const texts = ['SELECT $1::int AS a', 'SELECT $1::int AS b', 'SELECT $1::int AS c'];
    for (const text of texts) await makeFast(pool, text, [1]);
    expect(await prepared()).toHaveLength(3);
    await pool.run(['DEALLOCATE ALL']);
    const results = await Promise.all([...texts, ...texts, ...texts].map((text, n) => read(pool, text, [n])));
    expect(results.map(({ rows }) => Object.values(rows[0] as object)[0])).toEqual([
      0, 1, 2, 3, 4, 5, 6, 7, 8,
    ]);
    for (const text of texts) await read(pool, text, [1]);
    expect(await prepared()).toHaveLength(3);
  });

  it('are given up when they are lost again and again', async () => {
    start();
    const text = 'SELECT $1::int AS n';
    await makeFast(pool, text, [1]);
    for (let n = 0; n < 15; n++) {
      await pool.run(['DISCARD ALL']);
      expect((await read(pool, text, [n])).rows).toEqual([{ n }]);
    }
    expect(await prepared()).toEqual([]);
  });
});
