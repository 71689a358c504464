import { setTimeout as delay } from 'node:timers/promises';
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

const cluster = useCluster({
  replicas: 0,
  sql: `
    CREATE TABLE item AS SELECT n AS id, n % 7 AS value FROM generate_series(1, 1000) n;
    ALTER TABLE item ADD PRIMARY KEY (id);`,
});

describe('reads that share connections', () => {
  let node: PostgresNode;
  const pools: NodePool[] = [];

  beforeAll(() => {
    node = cluster.primary;
  });
  afterEach(async () => {
    for (const pool of pools.splice(0)) await pool.end();
    await until(async () => (await backends(node)).length === 0, 'the end of all connections');
  });

  function start(changes?: Partial<LanePoolOptions>): NodePool {
    const pool = lanePool(node, changes);
    pools.push(pool);
    return pool;
  }

  it('run on one connection at once, each with its own answer', async () => {
    const pool = start();
    await makeFast(pool, BACKEND, [0]);
    const results = await Promise.all(Array.from({ length: 64 }, (_, n) => read(pool, BACKEND, [n])));
    expect(results.map(({ rows }) => rows[0].n)).toEqual(Array.from({ length: 64 }, (_, n) => n));
    expect(new Set(results.map(({ rows }) => rows[0].pid)).size).toBeLessThanOrEqual(4);
    expect((await backends(node)).length).toBeLessThanOrEqual(4);
  });

  it('do not wait behind slow ones', async () => {
    const pool = start();
    const slow = 'SELECT pg_sleep($1), 1 AS one';
    await makeFast(pool, BACKEND, [0]);
    for (let n = 0; n < 3; n++) await read(pool, slow, [0.02]);
    const reads: Promise<unknown>[] = [];
    const slowReads: Promise<unknown>[] = [];
    for (let n = 0; n < 200; n++) {
      if (n % 20 === 0) slowReads.push(read(pool, slow, [0.3]));
      else reads.push(read(pool, BACKEND, [n]));
    }
    await Promise.all(reads);
    expect(await Promise.race([Promise.all(slowReads).then(() => true), delay(0)])).toBeUndefined();
    expect(await Promise.all(slowReads)).toHaveLength(10);
  });

  it('run elsewhere when the read before them is unexpectedly slow', async () => {
    const pool = start();
    const text = 'SELECT pg_sleep($1::float8), $2::int AS n';
    await makeFast(pool, text, [0, 0]);
    let isSlowDone = false;
    const slow = read(pool, text, [3, 1]).then(() => (isSlowDone = true));
    const behind = await Promise.all(Array.from({ length: 20 }, (_, n) => read(pool, text, [0, n])));
    expect(behind.map(({ rows }) => rows[0].n)).toEqual(Array.from({ length: 20 }, (_, n) => n));
    expect(isSlowDone).toBe(false);
    await slow;
  });

  it('make room for a transaction, whatever the number of reads', async () => {
    const pool = start({ config: { max: 2 } });
    await makeFast(pool, BACKEND, [0]);
    const stopping = new AbortController();
    const answers = { count: 0 };
    const loops = Array.from({ length: 64 }, async () => {
      while (!stopping.signal.aborted) {
        await read(pool, BACKEND, [1]);
        answers.count++;
      }
    });
    await until(() => answers.count > 500);
    const startedMs = performance.now();
    // Both connections: the second transaction needs the last lane's.
    const clients = [await pool.checkout(), await pool.checkout()];
    expect(performance.now() - startedMs).toBeLessThan(2_000);
    expect(await backends(node)).toHaveLength(2);
    for (const connection of clients) {
      const client = clientOf(connection);
      await client.query('BEGIN');
      await client.query('UPDATE item SET value = 0 WHERE id = $1', [clients.indexOf(connection) + 1]);
      await client.query('COMMIT');
      pool.release(connection);
    }
    const before = answers.count;
    await until(() => answers.count > before + 100);
    stopping.abort();
    await Promise.all(loops);
  });

  it('never take more connections than the pool may have', async () => {
    const pool = start({ config: { max: 3 } });
    await makeFast(pool, BACKEND, [0]);
    const stopping = new AbortController();
    let most = 0;
    const watching = (async () => {
      while (!stopping.signal.aborted) {
        most = Math.max(most, (await backends(node)).length);
        await delay(2);
      }
    })();
    const work = Array.from({ length: 30 }, async (_, worker) => {
      for (let n = 0; n < 30; n++) {
        if (worker % 10 === 0) {
          const connection = await pool.checkout();
          await clientOf(connection).query('BEGIN; SELECT pg_sleep(0.002); COMMIT');
          pool.release(connection);
        } else if (worker % 10 === 1) await read(pool, `SELECT ${worker * 1000 + n} AS n`);
        else await read(pool, BACKEND, [n]);
      }
    });
    await Promise.all(work);
    stopping.abort();
    await watching;
    expect(most).toBeGreaterThan(1);
    expect(most).toBeLessThanOrEqual(3);
  });

  it('give their connections back when nothing more comes', async () => {
    const pool = start({ config: { max: 2, idleTimeoutMillis: 100 } });
    await makeFast(pool, BACKEND, [0]);
    await Promise.all(Array.from({ length: 20 }, (_, n) => read(pool, BACKEND, [n])));
    await until(async () => (await backends(node)).length === 0, 'the pool closing what is idle');
    expect((await read(pool, BACKEND, [1])).rows[0].n).toBe(1);
  });

  it('fail at once when the pool is reset, and run on new connections afterwards', async () => {
    const pool = start({ config: { max: 1 } });
    const text = 'SELECT pg_sleep($1::float8)';
    await makeFast(pool, text, [0]);
    const reading = Promise.allSettled([read(pool, text, [2]), read(pool, text, [0]), read(pool, text, [0])]);
    await delay(20);
    pool.reset('it hangs');
    const startedMs = performance.now();
    expect((await reading).map(({ status }) => status)).toEqual(['rejected', 'rejected', 'rejected']);
    expect(performance.now() - startedMs).toBeLessThan(500);
    expect((await read(pool, text, [0])).rowCount).toBe(1);
  });

  it('do not share where a time limit would cut the connection under all', async () => {
    for (const config of [
      { query_timeout: 5_000 },
      { connectionString: `${node.url}?query_timeout=5000` },
      { maxUses: 100 },
    ]) {
      const pool = start({ config: { ...config, max: 4 } });
      for (let n = 0; n < 6; n++) await read(pool, BACKEND, [0]);
      const results = await Promise.all(Array.from({ length: 4 }, () => read(pool, BACKEND, [1])));
      expect(new Set(results.map(({ rows }) => rows[0].pid)).size).toBe(4);
    }
  });
});
