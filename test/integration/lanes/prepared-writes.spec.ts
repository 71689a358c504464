import { afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import type { ReplicaDataSource, ReplicaDataSourceOptions } from 'nestjs-replica';
import { startSource } from '../../support/app/start-source.js';
import { FORGET, FORGETTING } from '../../support/lanes/forgetting.js';
import { useLedgerCluster } from '../../support/cluster/use-cluster.js';

const PREPARED = `SELECT statement FROM pg_prepared_statements WHERE name LIKE 'nestjs_replica_' || repeat('_', 32) || '%' ORDER BY statement`;

/** `n` counts what was written; `tries` counts how often a write got as far as to run. */
const SQL = `
  CREATE TABLE counted (id int PRIMARY KEY, n int NOT NULL CHECK (n < 1000));
  CREATE SEQUENCE tries;
  CREATE FUNCTION fail_as(code text, said text) RETURNS int LANGUAGE plpgsql AS $$
    BEGIN PERFORM nextval('tries'); RAISE EXCEPTION USING ERRCODE = code, MESSAGE = said; END $$; ${FORGETTING}`;

const ADD = 'UPDATE counted SET n = n + $2 WHERE id = $1';

const cluster = useLedgerCluster({ replicas: 1, count: 0, sql: SQL });

describe('prepared writes', () => {
  let source: ReplicaDataSource;

  beforeAll(() => cluster.primary.query('INSERT INTO counted SELECT n, 0 FROM generate_series(1, 9) AS n'));
  afterEach(() => source.destroy());

  /** One connection to the primary, so that each write meets what the others have prepared. */
  async function start(changes: Partial<ReplicaDataSourceOptions<never>> = {}): Promise<void> {
    source = await startSource(cluster, { poolSize: 1, prepareAfter: 3, ...changes });
  }
  const prepared = async (): Promise<string[]> =>
    ((await source.query(PREPARED)) as { statement: string }[]).map(({ statement }) => statement);
  const valueOf = async (id: number): Promise<number> =>
    (await cluster.primary.query<{ n: number }>(`SELECT n FROM counted WHERE id = ${id}`))[0]!.n;
  /** Takes the prepared statements off the connection, and nobody learns of it. */
  const loseAll = (): Promise<unknown> => source.query(FORGET);

  it('are prepared from the nth use on, and answer as before', async () => {
    await start();
    const insert = 'INSERT INTO counted VALUES ($1, $2) RETURNING *';
    for (let n = 1; n <= 2; n++) expect(await source.query(ADD, [1, 1])).toEqual([[], 1]);
    expect(await prepared()).toEqual([]);
    for (let n = 3; n <= 6; n++) expect(await source.query(ADD, [1, 1])).toEqual([[], 1]);
    expect(await source.query(ADD, [-1, 1])).toEqual([[], 0]);
    for (let n = 11; n <= 16; n++) expect(await source.query(insert, [n, n])).toEqual([{ id: n, n }]);
    expect(await prepared()).toEqual([insert, ADD]);
    expect(await valueOf(1)).toBe(6);
    await expect(source.query(insert, [11, 1])).rejects.toMatchObject({
      code: '23505',
      query: insert,
      parameters: [11, 1],
    });
  });

  it.each([
    ['where the options say so', { prepare: false }],
    ['where statements may not be sent before answers', { lanes: false }],
  ])('are not prepared %s', async (_, changes) => {
    await start(changes);
    for (let n = 1; n <= 6; n++) await source.query(ADD, [2, 1]);
    expect(await prepared()).toEqual([]);
  });

  it('are not prepared in a transaction, which a lost statement would end', async () => {
    await start();
    for (let n = 1; n <= 4; n++) await source.query(ADD, [3, 1]);
    await source.transaction(async (manager) => {
      for (let n = 1; n <= 3; n++) {
        await manager.query(FORGET);
        await manager.query(ADD, [3, 1]);
      }
    });
    expect(await valueOf(3)).toBe(7);
  });

  it('are not prepared where an earlier statement left something on the connection', async () => {
    await start();
    const runner = source.createQueryRunner('master');
    for (let n = 1; n <= 4; n++) await runner.query(ADD, [4, 1]);
    await runner.query('CREATE TEMPORARY TABLE counted (id int, n int)');
    for (let n = 1; n <= 4; n++) await runner.query(ADD, [4, 1]);
    await runner.release();
    expect(await valueOf(4)).toBe(4);
  });

  it('happen once, also if the server has lost their statements', async () => {
    await start();
    const double = 'UPDATE counted SET n = n + $1 * 2 WHERE id = $2 RETURNING n';
    for (let n = 1; n <= 4; n++) {
      await source.query(ADD, [5, 1]);
      await source.query(double, [1, 5]);
    }
    expect(await prepared()).toEqual([double, ADD]);
    await loseAll();
    expect(await source.query(double, [1, 5])).toEqual([[{ n: 14 }], 1]);
    await source.query(ADD, [5, 1]);
    expect(await valueOf(5)).toBe(15);
    await source.query(double, [0, 5]);
    expect(await prepared()).toEqual([double, ADD]);
    await cluster.primary.query(`ALTER TABLE counted ALTER COLUMN n TYPE bigint`);
    expect(await source.query(double, [1, 5])).toEqual([[{ n: '17' }], 1]);
    await cluster.primary.query(`ALTER TABLE counted ALTER COLUMN n TYPE int`);
    expect(await source.query(double, [1, 5])).toEqual([[{ n: 19 }], 1]);
  });

  it('are given up when statements are lost again and again', async () => {
    await start();
    for (let n = 1; n <= 30; n++) {
      await loseAll();
      await source.query(ADD, [6, 1]);
    }
    for (let n = 1; n <= 3; n++) await source.query(ADD, [6, 1]);
    expect(await prepared()).toEqual([]);
    expect(await valueOf(6)).toBe(33);
  });

  it.each([
    ['26000', 'prepared statement "theirs" does not exist'],
    ['42P05', 'prepared statement "theirs" already exists'],
    ['0A000', 'cached plan must not change result type'],
    ['23514', 'no'],
  ])('that fail while they run (%s) run once', async (code, said) => {
    await start();
    const fails = 'UPDATE counted SET n = fail_as($2, $3) WHERE id = $1';
    const [before] = await cluster.primary.query<{ n: number }>(`SELECT nextval('tries')::int AS n`);
    for (let n = 1; n <= 6; n++)
      await expect(source.query(fails, [7, code, said])).rejects.toMatchObject({ code, message: said });
    const [after] = await cluster.primary.query<{ n: number }>(`SELECT nextval('tries')::int AS n`);
    expect(after!.n - before!.n).toBe(7);
  });

  it('that cannot be sent say why, and the next ones go on', async () => {
    await start();
    for (let n = 1; n <= 4; n++) await source.query(ADD, [8, 1]);
    const unsendable = {
      toPostgres: () => {
        throw new Error('not today');
      },
    };
    for (let n = 1; n <= 3; n++) {
      await expect(source.query(ADD, [8, unsendable])).rejects.toThrow('not today');
      await expect(source.query(ADD, [8])).rejects.toMatchObject({ code: '08P01' });
      await source.query(ADD, [8, 1]);
    }
    expect(await valueOf(8)).toBe(7);
  });
});
