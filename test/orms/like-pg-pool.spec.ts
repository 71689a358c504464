import { afterEach, describe, expect, it } from '@jest/globals';
import { createRoutingPool } from 'nestjs-replica/pool';
import pg from 'pg';
import QueryStream from 'pg-query-stream';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createRequire } from 'node:module';
import { useCluster } from '../support/cluster/use-cluster.js';
import { until } from '../support/until.js';

const cluster = useCluster({ replicas: 0, sql: 'CREATE TABLE item (id int PRIMARY KEY)' });

/** It has no types of its own. */
interface Cursor extends pg.Submittable {
  read(rows: number): Promise<unknown[]>;
  close(): Promise<void>;
}
const Cursor = createRequire(import.meta.url)('pg-cursor') as new (text: string) => Cursor;

type Config = Pick<
  pg.PoolConfig,
  'max' | 'idleTimeoutMillis' | 'connectionTimeoutMillis' | 'maxLifetimeSeconds'
> & {
  readonly extra?: pg.PoolConfig;
};

/** A way to make a pool with these settings. */
interface Kind {
  readonly kind: string;
  open(config: Config): Promise<pg.Pool>;
}

const PLAIN: Kind = {
  kind: 'of pg',
  open: ({ extra, ...config }) =>
    Promise.resolve(new pg.Pool({ connectionString: cluster.primary.url, ...config, ...extra })),
};

const OURS: Kind = {
  kind: 'of nestjs-replica',
  open: ({ max, idleTimeoutMillis, connectionTimeoutMillis, maxLifetimeSeconds, extra }) =>
    createRoutingPool({
      primary: { url: cluster.primary.url },
      pool: {
        size: max,
        idleTimeoutMs: idleTimeoutMillis ?? undefined,
        connectTimeoutMs: connectionTimeoutMillis,
        maxLifetimeMs: maxLifetimeSeconds === undefined ? undefined : maxLifetimeSeconds * 1_000,
      },
      extra,
    }),
};

/** What a promise came to, in words. */
const told = (promise: Promise<unknown>): Promise<unknown> =>
  promise.then(
    () => 'done',
    (error: unknown) => String(error),
  );

/** The codes of PostgreSQL's errors, which are the same whoever reports them. */
const codeOf = (promise: Promise<unknown>): Promise<unknown> =>
  promise.then(
    () => 'done',
    (error: { code?: string }) => error.code,
  );

describe.each([PLAIN, OURS])('a pool $kind', (kind) => {
  const opened: pg.Pool[] = [];
  const poolOf = async (config: Config = {}): Promise<pg.Pool> => {
    const pool = await kind.open(config);
    opened.push(pool);
    return pool;
  };
  afterEach(async () => {
    await Promise.all(opened.splice(0).map(async (pool) => (pool.ending ? undefined : pool.end())));
  });

  it('is a pg.Pool, and says how it is set', async () => {
    const pool = await poolOf({ max: 3, idleTimeoutMillis: 5_000, extra: { allowExitOnIdle: true } });
    expect(pool).toBeInstanceOf(pg.Pool);
    expect(pool.options).toMatchObject({ max: 3, idleTimeoutMillis: 5_000, allowExitOnIdle: true });
    expect(JSON.stringify([pool.options])).not.toContain('password');
    expect([pool.ending, pool.ended]).toEqual([false, false]);
  });

  it('counts connections, and those who wait', async () => {
    const pool = await poolOf({ max: 2 });
    const clients = await Promise.all([pool.connect(), pool.connect()]);
    await Promise.all(clients.map((client) => client.query('BEGIN')));
    const waiting = pool.query('INSERT INTO item VALUES (1)');
    await until(() => pool.waitingCount === 1, 'one who waits');
    expect([pool.totalCount, pool.idleCount]).toEqual([2, 0]);
    for (const client of clients) {
      await client.query('ROLLBACK');
      client.release();
    }
    await waiting;
    expect([pool.totalCount, pool.idleCount, pool.waitingCount]).toEqual([2, 2, 0]);
    await pool.query('DELETE FROM item');
  });

  it('refuses a second release, and statements after the first', async () => {
    const pool = await poolOf();
    const client = await pool.connect();
    await client.query('SELECT 1');
    client.release();
    expect(() => client.release()).toThrow(
      'Release called on client which has already been released to the pool.',
    );
  });

  it('ends when every client has come back', async () => {
    const pool = await poolOf();
    const client = await pool.connect();
    let isEnded = false;
    const ended = pool.end().then(() => (isEnded = true));
    expect(pool.ending).toBe(true);
    expect((await client.query('SELECT 1 AS one')).rows).toEqual([{ one: 1 }]);
    expect([isEnded, pool.ended]).toEqual([false, false]);
    client.release();
    await ended;
    expect([pool.ended, pool.totalCount]).toEqual([true, 0]);
    expect(await told(pool.query('SELECT 1'))).toContain('Cannot use a pool after calling end on the pool');
    expect(await told(pool.connect())).toContain('Cannot use a pool after calling end on the pool');
    expect(await told(pool.end())).toContain('Called end on pool more than once');
  });

  it('ends by callback, and gives errors to callbacks', async () => {
    const pool = await poolOf();
    const failure = await new Promise<Error & { code?: string }>((resolve) =>
      pool.query('SELECT 1 / 0', (error) => resolve(error)),
    );
    expect(failure.code).toBe('22012');
    await new Promise<void>((resolve) => pool.end(resolve));
    const late = await new Promise<unknown>((resolve) => pool.connect((error) => resolve(error)));
    expect(String(late)).toContain('Cannot use a pool after calling end on the pool');
  });

  it('passes on what PostgreSQL says', async () => {
    const pool = await poolOf();
    expect(await codeOf(pool.query('SELECT * FROM nowhere'))).toBe('42P01');
    expect(await codeOf(pool.query('SELEC 1'))).toBe('42601');
    expect(await codeOf(pool.query('SELECT $1::int', ['x']))).toBe('22P02');
    expect(await codeOf(pool.query({ text: 'SELECT $1::int AS n', values: [1], rowMode: 'array' }))).toBe(
      'done',
    );
  });

  it('closes idle connections in time, and emits what happens to them', async () => {
    const pool = await poolOf({ idleTimeoutMillis: 30 });
    const events: string[] = [];
    for (const event of ['connect', 'acquire', 'release', 'remove'] as const)
      pool.on(event, () => void events.push(event));
    await pool.query('INSERT INTO item VALUES (2)');
    // Ours also replaces the connections that a new listener to `connect` has not seen.
    const life = ['connect', 'acquire', 'release', 'remove'];
    await until(() => events.slice(-4).join() === life.join(), 'the end of the idle connection');
    expect(pool.totalCount).toBe(0);
    await pool.query('DELETE FROM item');
  });

  it('tells who waits too long for a connection', async () => {
    // Long enough for a busy machine to connect in.
    const pool = await poolOf({ max: 1, connectionTimeoutMillis: 2_000 });
    const client = await pool.connect();
    await client.query('BEGIN');
    expect(await told(pool.query('INSERT INTO item VALUES (3)'))).not.toBe('done');
    await client.query('ROLLBACK');
    client.release();
    expect(await told(pool.query('SELECT 1'))).toBe('done');
  });

  it('replaces connections after `maxUses`', async () => {
    const pool = await poolOf({ max: 1, extra: { maxUses: 2 } });
    const removed = new Promise((resolve) => pool.once('remove', resolve));
    for (let n = 0; n < 3; n++) await pool.query('SELECT txid_current()');
    await removed;
    expect(pool.totalCount).toBeLessThanOrEqual(1);
  });

  it('asks `verify` of each new connection, and `onConnect`', async () => {
    const asked: string[] = [];
    const pool = await poolOf({
      max: 1,
      extra: {
        onConnect: () => void asked.push('onConnect'),
        verify: (_, done) => {
          asked.push('verify');
          done();
        },
      },
    });
    await pool.query('SELECT txid_current()');
    await pool.query('SELECT txid_current()');
    expect(asked).toEqual(['onConnect', 'verify']);
  });

  it('fails whoever gets a connection that `verify` refuses', async () => {
    const verify: pg.PoolConfig['verify'] = (_, done) => done(new Error('not this one'));
    const outcome = await told(
      kind.open({ extra: { verify } }).then((pool) => pool.query('SELECT 1').finally(() => pool.end())),
    );
    expect(outcome).toContain('not this one');
  });

  it('runs streams', async () => {
    const pool = await poolOf();
    const client = await pool.connect();
    const stream = client.query(new QueryStream('SELECT generate_series(1, 3) AS n'));
    expect(await stream.toArray()).toEqual([{ n: 1 }, { n: 2 }, { n: 3 }]);
    client.release();
    expect(await told(pool.query('SELECT 1'))).toBe('done');
  });

  it('closes a cursor halfway, and its client goes on', async () => {
    const pool = await poolOf();
    const client = await pool.connect();
    const cursor = client.query(new Cursor('SELECT generate_series(1, 1000) AS n'));
    expect(await cursor.read(2)).toEqual([{ n: 1 }, { n: 2 }]);
    await cursor.close();
    expect((await client.query('SELECT 4 AS n')).rows).toEqual([{ n: 4 }]);
    client.release();
  });

  it('keeps `min` idle connections', async () => {
    const pool = await poolOf({ max: 3, idleTimeoutMillis: 30, extra: { min: 1 } });
    const clients = await Promise.all([pool.connect(), pool.connect(), pool.connect()]);
    await Promise.all(clients.map((client) => client.query('BEGIN')));
    await Promise.all(clients.map((client) => client.query('ROLLBACK')));
    for (const client of clients) client.release();
    await until(() => pool.totalCount === 1, 'one idle connection');
    expect(pool.idleCount).toBe(1);
  });

  it('replaces connections after `maxLifetimeSeconds`', async () => {
    const pool = await poolOf({ max: 1, maxLifetimeSeconds: 1 });
    const pid = async (): Promise<unknown> =>
      (await pool.query<{ pid: number }>('SELECT pg_backend_pid() AS pid, txid_current()')).rows[0]?.pid;
    const first = await pid();
    await until(async () => (await pid()) !== first, 'another connection');
    expect(pool.expiredCount).toBe(0);
  });

  it('gives `connect` by callback a function that releases, and refuses a function as a query', async () => {
    const pool = await poolOf({ max: 1 });
    const rows = await new Promise<unknown>((resolve, reject) => {
      pool.connect((error, client, done) => {
        if (error !== undefined || client === undefined) return reject(error ?? new Error('no client'));
        client.query('SELECT $1::int AS n', [5], (failure: Error | null, result) => {
          done();
          if (failure) reject(failure);
          else resolve(result.rows);
        });
      });
    });
    expect(rows).toEqual([{ n: 5 }]);
    const refused = await new Promise<unknown>((resolve) => void pool.query(resolve as never));
    expect(String(refused)).toContain('Passing a function as the first parameter to pool.query');
    expect(await told(pool.query('SELECT 1'))).toBe('done');
  });

  it('closes a connection that is released with `true`', async () => {
    const pool = await poolOf({ max: 1 });
    const client = await pool.connect();
    await client.query('BEGIN');
    client.release(true);
    await until(() => pool.totalCount === 0, 'the end of the connection');
    expect(await told(pool.query('SELECT 1'))).toBe('done');
  });

  it('discards a connection that is released with an error', async () => {
    const pool = await poolOf({ max: 1 });
    const client = await pool.connect();
    await client.query('BEGIN');
    client.release(new Error('do not use it again'));
    await until(() => pool.totalCount === 0, 'the end of the connection');
    expect(await told(pool.query('SELECT 1'))).toBe('done');
  });

  it('survives the loss of an idle connection with a listener, which gets error and client', async () => {
    const pool = await poolOf();
    const lost = new Promise<unknown[]>((resolve) => pool.on('error', (...args) => resolve(args)));
    await pool.query('SELECT txid_current()');
    await cluster.primary.query(
      'SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid <> pg_backend_pid() AND datname = current_database()',
    );
    const [error, client] = await lost;
    expect((error as { code?: string }).code).toBe('57P01');
    expect(client).toBeInstanceOf(pg.Client);
    expect(await told(pool.query('SELECT 1'))).toBe('done');
  });
});

it.each(['pg', 'ours'])('a process with an idle pool of %s ends with `allowExitOnIdle`', async (kind) => {
  const child = spawn(
    process.execPath,
    [
      '--import',
      './test/support/typescript/register.mjs',
      'test/orms/support/exit-on-idle.ts',
      kind,
      cluster.primary.url,
    ],
    { stdio: 'ignore' },
  );
  try {
    expect(await once(child, 'exit')).toEqual([0, null]);
  } finally {
    child.kill('SIGKILL');
  }
});

// The pool of pg keeps such a connection for ever, and never ends.
it('a pool of nestjs-replica gets the connections of cursors and streams back that `pool.query` ran', async () => {
  const pool = await OURS.open({ max: 1 });
  const stream = new QueryStream('SELECT generate_series(1, 3) AS n');
  const cursor = new Cursor('SELECT generate_series(1, 3) AS n');
  void pool.query(stream);
  void pool.query(cursor);
  expect(await stream.toArray()).toEqual([{ n: 1 }, { n: 2 }, { n: 3 }]);
  expect(await cursor.read(2)).toEqual([{ n: 1 }, { n: 2 }]);
  await cursor.close();
  await pool.end();
  expect(pool.totalCount).toBe(0);
});
