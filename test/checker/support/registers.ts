import type { PoolClient } from 'pg';
import QueryStream from 'pg-query-stream';
import type { EntityManager, QueryRunner } from 'typeorm';
import {
  NODE_NAME_FUNCTION_SQL,
  NODE_NAME_SQL,
  type TestDatabase,
} from '../../support/cluster/test-database.js';

/** What somebody was told of a register, and who told it. */
export interface Row {
  readonly value: number;
  readonly node: string;
}

/** How registers are made, read and written in one database. */
export interface Registers {
  /** Makes the table `register`, with the registers from 1 to `keys`, and a function whose error tells a register. */
  createSql(keys: number): string;
  readonly readSql: string;
  readonly tellSql: string;
  /** Adds one; to be called in a transaction. */
  increment(manager: EntityManager, key: number): Promise<Row | undefined>;
  /** Adds one, unless the register has another value than `version` by now: then it gives nothing. */
  incrementFrom(manager: EntityManager, key: number, version: number): Promise<Row | undefined>;
  /** Adds one by a statement whose rows come as a stream. */
  stream(runner: QueryRunner, key: number): Promise<Row | undefined>;
}

const INCREMENT = 'UPDATE register SET value = value + 1 WHERE id =';
const THE_PRIMARY = 'the primary';

const POSTGRES: Registers = {
  createSql: (keys) => `
    CREATE TABLE register (id int PRIMARY KEY, value int NOT NULL);
    INSERT INTO register SELECT n, 0 FROM generate_series(1, ${keys}) n;
    CREATE FUNCTION tell_register(int) RETURNS int LANGUAGE plpgsql AS $$
    BEGIN RAISE EXCEPTION 'the register has %', (SELECT value FROM register WHERE id = $1); END $$`,
  readSql: `SELECT value, ${NODE_NAME_SQL.postgres} AS node FROM register WHERE id = $1`,
  tellSql: 'SELECT tell_register($1)',
  async increment(manager, key) {
    const sql = `${INCREMENT} $1 RETURNING value, ${NODE_NAME_SQL.postgres} AS node`;
    const [rows] = await manager.query<[Row[], number]>(sql, [key]);
    return rows[0];
  },
  async incrementFrom(manager, key, version) {
    const sql = `${INCREMENT} $1 AND value = $2 RETURNING value, ${NODE_NAME_SQL.postgres} AS node`;
    const [rows] = await manager.query<[Row[], number]>(sql, [key, version]);
    return rows[0];
  },
  async stream(runner, key) {
    const client = (await runner.connect()) as PoolClient;
    const sql = `${INCREMENT} $1 RETURNING value, ${NODE_NAME_SQL.postgres} AS node`;
    const row = await lastOf(client.query(new QueryStream(sql, [key])));
    // The last row comes before the write is committed.
    await client.query('SELECT 1');
    return row;
  },
};

/** It has no UPDATE that returns rows. */
const MARIADB: Registers = {
  createSql: (keys) => `
    CREATE TABLE register (id int PRIMARY KEY, value int NOT NULL);
    INSERT INTO register SELECT seq, 0 FROM seq_1_to_${keys};
    ${NODE_NAME_FUNCTION_SQL};
    CREATE FUNCTION tell_register(asked int) RETURNS int DETERMINISTIC
    BEGIN
      DECLARE told varchar(64) DEFAULT (SELECT CONCAT('the register has ', value) FROM register WHERE id = asked);
      SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = told;
      RETURN 1;
    END`,
  readSql: `SELECT value, ${NODE_NAME_SQL.mariadb} AS node FROM register WHERE id = ?`,
  tellSql: 'SELECT tell_register(?)',
  async increment(manager, key) {
    await manager.query(`${INCREMENT} ?`, [key]);
    const rows = await manager.query<Row[]>(MARIADB.readSql, [key]);
    return rows[0];
  },
  async incrementFrom(manager, key, version) {
    const sql = `${INCREMENT} ? AND value = ?`;
    const { affectedRows } = await manager.query<{ affectedRows: number }>(sql, [key, version]);
    return affectedRows === 0 ? undefined : { value: version + 1, node: THE_PRIMARY };
  },
  async stream(runner, key) {
    const sql = `INSERT INTO register VALUES (?, 1) ON DUPLICATE KEY UPDATE value = value + 1
      RETURNING value, '${THE_PRIMARY}' AS node`;
    return lastOf(await runner.stream(sql, [key]));
  },
};

export const REGISTERS: Readonly<Record<TestDatabase, Registers>> = { postgres: POSTGRES, mariadb: MARIADB };

async function lastOf(rows: AsyncIterable<unknown>): Promise<Row | undefined> {
  let row: unknown;
  for await (const one of rows) row = one;
  return row as Row | undefined;
}
