import { afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { type PostgresNode } from 'nestjs-replica/testing';
import type { NodePool } from '../../../libs/replica/src/execution/pools/node-pool.js';
import {
  backends,
  clientOf,
  lanePool,
  makeFast,
  read,
  type LanePoolOptions,
} from '../../support/lanes/lane-pool.js';
import { until } from '../../support/until.js';
import { useCluster } from '../../support/cluster/use-cluster.js';

const BACKEND = 'SELECT pg_backend_pid() AS pid, $1::int AS n';
const SLEEP = 'SELECT pg_sleep($1::float8), $2::int AS n';
const CIRCULAR: Record<string, unknown> = {};
CIRCULAR.self = CIRCULAR;

const cluster = useCluster({ replicas: 0 });

describe('what happens to one read leaves the others of its connection alone:', () => {
  let node: PostgresNode;
  let pool: NodePool;
  /** Nothing takes any time, however busy this machine is; or all takes so long. */
  const waiting = { sumMs: 0, tookMs: 0 };

  beforeAll(() => {
    node = cluster.primary;
  });
  afterEach(() => pool.end());

  /** One connection, unless told otherwise: whatever runs at once shares it. */
  function start({ config, ...changes }: Partial<LanePoolOptions> = {}): void {
    pool = lanePool(node, {
      config: { max: 1, ...config },
      nowMs: () => 0,
      idleMs: () => (waiting.sumMs += waiting.tookMs),
      ...changes,
    });
  }
  const pid = async (): Promise<number> => (await read(pool, BACKEND, [0])).rows[0].pid as number;

  it('an error', async () => {
    start();
    const text = 'SELECT 10 / $1::int AS n, pg_backend_pid() AS pid';
    await makeFast(pool, text, [1]);
    const values = Array.from({ length: 40 }, (_, n) => n % 4);
    const results = await Promise.allSettled(values.map((value) => read(pool, text, [value])));
    results.forEach((result, index) => {
      if (values[index] === 0) expect(result).toMatchObject({ reason: { code: '22012' } });
      else
        expect(result).toMatchObject({
          value: { rows: [{ n: Math.trunc(10 / (values[index] as number)) }] },
        });
    });
    expect(await backends(node)).toHaveLength(1);
  });

  it('an error before it is prepared', async () => {
    start();
    await node.query('CREATE TABLE passing AS SELECT 1 AS id');
    const text = 'SELECT id FROM passing WHERE id = $1';
    for (let use = 1; use < 3; use++) await read(pool, text, [1]);
    await node.query('DROP TABLE passing');
    const results = await Promise.allSettled(Array.from({ length: 10 }, () => read(pool, text, [1])));
    for (const result of results) expect(result).toMatchObject({ reason: { code: '42P01' } });
    await node.query('CREATE TABLE passing AS SELECT 1 AS id');
    const rows = await Promise.all(Array.from({ length: 10 }, () => read(pool, text, [1])));
    for (const result of rows) expect(result.rows).toEqual([{ id: 1 }]);
  });

  it('more values than parameters', async () => {
    start();
    await makeFast(pool, BACKEND, [0]);
    const before = await pid();
    const results = await Promise.allSettled([[1], [1, 2], [2]].map((values) => read(pool, BACKEND, values)));
    expect(results).toMatchObject([
      { value: { rows: [{ n: 1, pid: before }] } },
      { reason: { code: '08P01' } },
      { value: { rows: [{ n: 2, pid: before }] } },
    ]);
    expect(await pid()).toBe(before);
  });

  it('values that cannot be sent', async () => {
    start();
    await makeFast(pool, BACKEND, [0]);
    const results = await Promise.allSettled(
      [1, CIRCULAR, 2, CIRCULAR, 3].map((value) => read(pool, BACKEND, [value])),
    );
    expect(results.map(({ status }) => status)).toEqual([
      'fulfilled',
      'rejected',
      'fulfilled',
      'rejected',
      'fulfilled',
    ]);
    expect((await read(pool, BACKEND, [4])).rows[0].n).toBe(4);
  });

  it('values that cannot be sent, before the connection is somebody else’s', async () => {
    start();
    await makeFast(pool, BACKEND, [0]);
    const failing = Promise.allSettled([read(pool, BACKEND, [CIRCULAR]), read(pool, BACKEND, [CIRCULAR])]);
    const connection = await pool.checkout();
    const client = clientOf(connection);
    for (const n of [1, 2, 3]) expect((await client.query('SELECT $1::int AS n', [n])).rows).toEqual([{ n }]);
    pool.release(connection);
    expect((await failing).map(({ status }) => status)).toEqual(['rejected', 'rejected']);
    expect((await read(pool, BACKEND, [4])).rows[0].n).toBe(4);
  });

  it('being cancelled', async () => {
    start();
    await makeFast(pool, SLEEP, [0, 0]);
    const reading = Promise.allSettled([20, 0, 0, 0].map((seconds, n) => read(pool, SLEEP, [seconds, n])));
    await until(async () => {
      const [backend] = await backends(node);
      if (backend?.state !== 'active') return false;
      await node.query('SELECT pg_cancel_backend($1)', [backend.pid]);
      return true;
    });
    expect(await reading).toMatchObject([
      { reason: { code: '57014' } },
      { value: { rows: [{ n: 1 }] } },
      { value: { rows: [{ n: 2 }] } },
      { value: { rows: [{ n: 3 }] } },
    ]);
  });

  it('a time limit, which counts for each of them from its own start', async () => {
    start({ config: { statement_timeout: 400 } });
    await makeFast(pool, SLEEP, [0, 0]);
    const seconds = [0.15, 0.15, 20, 0.15, 0.15, 0.15];
    const results = await Promise.allSettled(seconds.map((time, n) => read(pool, SLEEP, [time, n])));
    expect(results.map(({ status }) => status)).toEqual([
      'fulfilled',
      'fulfilled',
      'rejected',
      'fulfilled',
      'fulfilled',
      'fulfilled',
    ]);
    expect(results[2]).toMatchObject({ reason: { code: '57014' } });
  });

  it('a big result, which is not sent where small ones are', async () => {
    start({ config: { max: 3 } });
    const big = `SELECT pg_backend_pid() AS pid, repeat('x', 1000) AS filling FROM generate_series(1, 20000)`;
    await makeFast(pool, BACKEND, [0]);
    waiting.tookMs = 10;
    await makeFast(pool, big);
    waiting.tookMs = 0;
    const results = await Promise.all([
      read(pool, BACKEND, [0]),
      read(pool, big),
      read(pool, BACKEND, [1]),
      read(pool, big),
      read(pool, BACKEND, [2]),
    ]);
    expect(results.map(({ rows }) => rows.length)).toEqual([1, 20_000, 1, 20_000, 1]);
    const pids = results.map(({ rows }) => rows[0].pid as number);
    expect(new Set([pids[0], pids[2], pids[4]]).size).toBe(1);
    expect(new Set(pids).size).toBe(3);
  });
});
