import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { Controller, Get, Param, Post } from '@nestjs/common';
import { DataSourceRouter, MemorySessionStore, UseReplica, fromHeader } from 'nestjs-replica';
import pg, { type PoolClient } from 'pg';
import QueryStream from 'pg-query-stream';
import { DataSource, type QueryRunner } from 'typeorm';
import { startApp } from '../../support/app/start-app.js';
import type { TestApp } from '../../support/app/test-app.js';
import { SharedStore } from '../../support/app/shared-store.js';
import { useCluster, pauseReplay, resumeReplay } from '../../support/cluster/use-cluster.js';

/** What somebody else has written, and a session is told of by other means than the rows of a read. */
interface Told {
  readonly dataSource: DataSource;
  /** Runs statements on one connection, which is released in the end. */
  readonly onOne: (work: (runner: QueryRunner) => Promise<unknown>) => Promise<void>;
  /** The same with a client of `pg`. */
  readonly onClient: (work: (client: PoolClient) => Promise<unknown>) => Promise<void>;
}

/** A cursor of `pg`. */
interface OneCursor {
  submit(connection: unknown): void;
  read(rows: number): Promise<unknown[]>;
}

const FAILS = new Error('the transaction shall be rolled back');
const insert = `INSERT INTO thing (id) VALUES (1)`;

/** Every way in which the primary tells that the row is there. Each may fail: that is its answer. */
const WAYS: Readonly<Record<string, (told: Told) => Promise<unknown>>> = {
  'INSERT, 23505': ({ dataSource }) => dataSource.query(insert),
  'INSERT by a config, 23505': ({ onClient }) =>
    onClient((client) =>
      client.query({ name: 'insert', text: 'INSERT INTO thing (id) VALUES ($1)', values: [1] }),
    ),
  'several statements, 23505': ({ dataSource }) => dataSource.query(`SELECT 1; ${insert}`),
  'a batch with parameters, the last of which fails': async ({ dataSource }) => {
    await dataSource.query('INSERT INTO thing (id) VALUES ($1)', [77]).catch(() => undefined);
    await dataSource.query('INSERT INTO thing (id) VALUES ($1)', [1]);
  },
  'ON CONFLICT DO NOTHING, no row': ({ dataSource }) =>
    dataSource.query(`${insert} ON CONFLICT DO NOTHING RETURNING id`),
  'MERGE, no row': ({ dataSource }) =>
    dataSource.query(
      `MERGE INTO thing USING (VALUES (1)) AS new (id) ON thing.id = new.id WHEN NOT MATCHED THEN INSERT (id) VALUES (new.id)`,
    ),
  'UPDATE of an old version, no row': ({ dataSource }) =>
    dataSource.query('UPDATE thing SET version = 9 WHERE id = 1 AND version = 0'),
  'DELETE, no row': ({ dataSource }) => dataSource.query('DELETE FROM thing WHERE id = 1 AND version = 0'),
  'a foreign key, 23503': ({ dataSource }) => dataSource.query('DELETE FROM thing WHERE id = 1'),
  'a check, 23514': ({ dataSource }) => dataSource.query('UPDATE thing SET version = -version WHERE id = 1'),
  'an arithmetic error of the data, 22012': ({ dataSource }) =>
    dataSource.query('UPDATE thing SET version = 1 / (version - version) WHERE id = 1'),
  'a read that fails on the primary, 22012': ({ dataSource }) =>
    dataSource.query('SELECT 1 / (version - version) FROM thing WHERE id = 1 FOR UPDATE'),
  'a serialization failure, 40001': ({ dataSource, onOne }) =>
    onOne(async (runner) => {
      await runner.query('BEGIN ISOLATION LEVEL REPEATABLE READ');
      await runner.query('SELECT 1');
      await dataSource.query('UPDATE thing SET version = version + 1 WHERE id = 1');
      await runner.query('UPDATE thing SET version = version WHERE id = 1');
    }),
  'a transaction that goes on after an error, 25P02': ({ onOne }) =>
    onOne(async (runner) => {
      await runner.query('BEGIN');
      await runner.query('SELECT 1 / (version - version) FROM thing').catch(() => undefined);
      await runner.query('SELECT 1').catch(() => undefined);
      await runner.query('ROLLBACK');
    }),
  'a function that raises what it read, P0001': ({ dataSource }) => dataSource.query('SELECT tell_thing()'),
  'a notice of a function that writes': ({ dataSource }) => dataSource.query('CALL notice_thing()'),
  'a lock that is not to be had, 55P03': ({ dataSource }) =>
    dataSource.query('SELECT * FROM thing WHERE id = 2 FOR UPDATE NOWAIT'),
  'a lock that is skipped': ({ dataSource }) =>
    dataSource.query('SELECT * FROM thing WHERE id = 2 FOR UPDATE SKIP LOCKED'),
  'UPDATE ... RETURNING that is rolled back': ({ dataSource }) =>
    dataSource.transaction(async (manager) => {
      await manager.query('UPDATE thing SET version = version + 1 WHERE id = 1 RETURNING version');
      throw FAILS;
    }),
  'INSERT in a transaction, 23505': ({ dataSource }) =>
    dataSource.transaction((manager) => manager.query(insert)),
  'a read in a transaction that is rolled back': ({ dataSource }) =>
    dataSource.transaction(async (manager) => {
      await manager.query('SELECT * FROM thing WHERE id = 1');
      throw FAILS;
    }),
  'an optimistic lock in a transaction': ({ dataSource }) =>
    dataSource.transaction(async (manager) => {
      const [, count] = await manager.query('UPDATE thing SET version = 9 WHERE id = 1 AND version = 0');
      if (count === 0) throw FAILS;
    }),
  'what is taken back to a savepoint': ({ onOne }) =>
    onOne(async (runner) => {
      await runner.query('BEGIN');
      await runner.query('SAVEPOINT one');
      await runner.query(insert).catch(() => undefined);
      await runner.query('ROLLBACK TO SAVEPOINT one');
      await runner.query('COMMIT');
    }),
  'a failed transaction that is committed': ({ onOne }) =>
    onOne(async (runner) => {
      await runner.query('BEGIN');
      await runner.query(insert).catch(() => undefined);
      await runner.query('COMMIT');
    }),
  'ROLLBACK AND CHAIN': ({ onOne }) =>
    onOne(async (runner) => {
      await runner.query('BEGIN');
      await runner.query('UPDATE thing SET version = version + 1 WHERE id = 1 RETURNING version');
      await runner.query('ROLLBACK AND CHAIN');
      await runner.query('ROLLBACK');
    }),
  'a transaction that is released open': ({ onClient }) =>
    onClient(async (client) => {
      await client.query('BEGIN');
      await client.query('UPDATE thing SET version = version + 1 WHERE id = 1 RETURNING version');
    }),
  'a deferred constraint, at COMMIT': ({ dataSource }) =>
    dataSource.transaction((manager) =>
      manager.query('INSERT INTO part (thing) SELECT 1 FROM thing WHERE id = 1'),
    ),
  'a deferred constraint, at COMMIT, and no ROLLBACK': ({ onClient }) =>
    onClient(async (client) => {
      await client.query('BEGIN');
      await client.query('INSERT INTO part (thing) SELECT 1 FROM thing WHERE id = 1');
      await client.query('COMMIT');
    }),
  'BEGIN and all in one text': ({ dataSource }) => dataSource.query(`BEGIN; ${insert}; COMMIT`),
  'a stream of rows that are changed': ({ onClient }) =>
    onClient(async (client) => {
      const stream = client.query(
        new QueryStream(
          'UPDATE thing SET version = version + 1 WHERE id = 1 RETURNING 1 / (version - version)',
        ),
      );
      for await (const _ of stream);
    }),
  'a stream that fails by its rows': ({ onClient }) =>
    onClient(async (client) => {
      const stream = client.query(
        new QueryStream('SELECT 1 / (version - version) FROM thing WHERE id = 1 FOR UPDATE'),
      );
      for await (const _ of stream);
    }),
  'a cursor that is given up': ({ onClient }) =>
    onClient(async (client) => {
      const { cursor } = new QueryStream('SELECT * FROM thing WHERE id = 1 FOR SHARE') as unknown as {
        cursor: OneCursor;
      };
      client.query(cursor);
      await cursor.read(1);
    }),
};

@Controller()
class ToldController implements Told {
  constructor(
    readonly dataSource: DataSource,
    private readonly router: DataSourceRouter,
  ) {}

  readonly onOne: Told['onOne'] = async (work) => {
    const runner = this.dataSource.createQueryRunner();
    try {
      await work(runner);
    } finally {
      await runner.release();
    }
  };

  readonly onClient: Told['onClient'] = async (work) => {
    const runner = this.dataSource.createQueryRunner();
    try {
      await work((await runner.connect()) as PoolClient);
    } finally {
      await runner.release();
    }
  };

  readonly #versions = async (): Promise<number[]> => {
    const rows: { version: number }[] = await this.dataSource.query('SELECT version FROM thing WHERE id = 1');
    return rows.map(({ version }) => version);
  };

  @Post('tell/:way')
  async tell(@Param('way') way: string): Promise<object> {
    await WAYS[way]?.(this).catch(() => undefined);
    return {};
  }

  @Post('get-or-create/:way')
  @UseReplica()
  async getOrCreate(@Param('way') way: string): Promise<number[]> {
    await WAYS[way]?.(this).catch(() => undefined);
    return this.#versions();
  }

  @Post('eventual/:way')
  @UseReplica({ consistency: 'eventual' })
  async eventual(@Param('way') way: string): Promise<number[]> {
    return this.getOrCreate(way);
  }

  @Get('read')
  read(): Promise<number[]> {
    return this.#versions();
  }
}

const cluster = useCluster({
  sql: `
    CREATE TABLE thing (id int PRIMARY KEY, version int NOT NULL DEFAULT 1 CHECK (version > -1));
    CREATE TABLE part (thing int REFERENCES thing, UNIQUE (thing) DEFERRABLE INITIALLY DEFERRED);
    CREATE FUNCTION tell_thing() RETURNS int LANGUAGE plpgsql AS $$
      BEGIN RAISE EXCEPTION 'there is %', (SELECT count(*) FROM thing WHERE id = 1); END $$;
    CREATE PROCEDURE notice_thing() LANGUAGE plpgsql AS $$
      BEGIN RAISE NOTICE 'there is %', (SELECT count(*) FROM thing WHERE id = 1); END $$;`,
});

describe.each([
  { lanes: true, sessions: 'in memory' },
  { lanes: false, sessions: 'in memory' },
  { lanes: true, sessions: 'in a store that others share' },
])('what the primary has told a session $sessions, lanes: $lanes', ({ lanes, sessions }) => {
  let app: TestApp;
  let holder: pg.Client;
  let turn = 0;

  beforeAll(async () => {
    await cluster.primary.query('TRUNCATE thing, part');
    const store = sessions === 'in memory' ? new MemorySessionStore() : new SharedStore();
    app = await startApp(cluster, [ToldController], {
      lanes,
      maxLagMs: 60_000,
      session: { key: fromHeader('x-session'), store, ttlMs: 120_000 },
    });
    await cluster.waitForCatchUp();
    await pauseReplay(cluster);
    // Another client's, which no replica shows.
    await cluster.primary.query('INSERT INTO thing (id) VALUES (1), (2); INSERT INTO part VALUES (1)');
    holder = new pg.Client({ connectionString: cluster.primary.url });
    await holder.connect();
    await holder.query('BEGIN; SELECT * FROM thing WHERE id = 2 FOR UPDATE');
  });
  afterAll(async () => {
    await holder?.end();
    await app?.close();
    await resumeReplay(cluster);
    await cluster.waitForCatchUp();
  });

  it('is not there on the replicas', async () => {
    expect((await app.get('/read', 'nobody')).body).toEqual([]);
  });

  it.each(Object.keys(WAYS))('is there in its next request: %s', async (way) => {
    const session = `session ${turn++}`;
    await app.post(`/tell/${encodeURIComponent(way)}`, session);
    expect((await app.get('/read', session)).body).toEqual([expect.any(Number)]);
  });

  it('is there in the same request even if reads may be stale: an INSERT that failed', async () => {
    const path = encodeURIComponent('INSERT, 23505');
    expect((await app.post(`/eventual/${path}`)).body).toEqual([expect.any(Number)]);
  });

  it.each(Object.keys(WAYS))('is there in the same request: %s', async (way) => {
    const path = encodeURIComponent(way);
    expect((await app.post(`/get-or-create/${path}`, `session ${turn++}`)).body).toEqual([
      expect.any(Number),
    ]);
    expect((await app.post(`/get-or-create/${path}`)).body).toEqual([expect.any(Number)]);
  });
});
