import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { ReplicaDataSource } from 'nestjs-replica';
import { setTimeout as delay } from 'node:timers/promises';
import { backends, lanePool, makeFast, read } from '../support/lanes/lane-pool.js';
import { startSource } from '../support/app/start-source.js';
import { until } from '../support/until.js';
import { useLedgerCluster } from '../support/cluster/use-cluster.js';
import { Account } from '../support/ledger/accounts.js';

const BACKEND = 'SELECT pg_backend_pid() AS pid, $1::int AS n';

const cluster = useLedgerCluster();

describe('faults under reads that share connections', () => {
  let source: ReplicaDataSource | undefined;
  const rejections: unknown[] = [];
  const onRejection = (reason: unknown): void => void rejections.push(reason);

  beforeAll(() => void process.on('unhandledRejection', onRejection));
  afterEach(async () => {
    await source?.destroy();
    source = undefined;
    expect(rejections.splice(0)).toEqual([]);
  });
  afterAll(() => void process.off('unhandledRejection', onRejection));

  async function start(): Promise<ReplicaDataSource> {
    source = await startSource(cluster, { monitor: { intervalMs: 100, probeTimeoutMs: 300 } });
    return source;
  }

  /** 64 readers without a break; each answer is checked. */
  function load({ router, manager }: ReplicaDataSource): {
    count: () => number;
    stop: () => Promise<unknown[]>;
  } {
    const failures: unknown[] = [];
    const stopping = new AbortController();
    let count = 0;
    const loops = Array.from({ length: 64 }, async (_, reader) => {
      const id = 1 + reader;
      while (!stopping.signal.aborted) {
        try {
          const found = await router.runOnReplica({}, () => manager.findOneBy(Account, { id }));
          if (found?.id !== id || found.owner !== `owner-${id}`) failures.push(found);
        } catch (error) {
          failures.push(error);
        }
        count++;
      }
    });
    return {
      count: () => count,
      stop: async () => {
        stopping.abort();
        await Promise.all(loops);
        return failures;
      },
    };
  }

  const healthOf = (name: string): string | undefined =>
    source?.router.topology().replicas.find((node) => node.name === name)?.health;

  it('lose no read when a replica is killed', async () => {
    const reading = load(await start());
    await until(() => reading.count() > 1_000);
    await cluster.replicas[0]?.kill();
    await until(() => healthOf('replica-1') === 'down', 'the monitor noticing');
    await cluster.replicas[0]?.start();
    await until(() => healthOf('replica-1') === 'up', 'the return of the replica');
    const before = reading.count();
    await until(() => reading.count() > before + 500);
    expect(await reading.stop()).toEqual([]);
  });

  it('lose no read when a replica hangs', async () => {
    const reading = load(await start());
    await until(() => reading.count() > 1_000);
    await cluster.replicas[1]?.hang();
    await until(() => healthOf('replica-2') === 'down', 'the monitor noticing');
    await cluster.replicas[1]?.resume();
    await until(() => healthOf('replica-2') === 'up', 'the return of the replica');
    expect(await reading.stop()).toEqual([]);
  });

  it('lose no read when the connections of a replica are ended', async () => {
    const reading = load(await start());
    await until(() => reading.count() > 1_000);
    for (let round = 0; round < 5; round++) {
      const before = reading.count();
      await cluster.replicas[0]?.query(
        `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'app-under-test'`,
      );
      await until(() => reading.count() > before + 300);
    }
    expect(await reading.stop()).toEqual([]);
  });

  it('run elsewhere on the node when one connection alone hangs, which is cut', async () => {
    const node = cluster.primary;
    const pool = lanePool(node);
    let hung: number | undefined;
    try {
      let lane: number | undefined;
      // On a busy machine a read may seem slow at any time, and then has a connection of its own: the one that shall hang is a lane.
      await until(async () => {
        await makeFast(pool, BACKEND, [0]);
        lane = (await read(pool, BACKEND, [0])).rows[0].pid as number;
        return pool.connectionPool.total === 1 && pool.connectionPool.idle === 0;
      }, 'a lane');
      hung = lane as number;
      process.kill(hung, 'SIGSTOP');
      const startedMs = performance.now();
      const results = await Promise.all(Array.from({ length: 30 }, (_, n) => read(pool, BACKEND, [n])));
      expect(performance.now() - startedMs).toBeLessThan(4_000);
      expect(results.map(({ rows }) => rows[0].n)).toEqual(Array.from({ length: 30 }, (_, n) => n));
      expect(results.map(({ rows }) => rows[0].pid)).not.toContain(hung);
      const isThere = async (): Promise<boolean> => (await backends(node)).some(({ pid }) => pid === hung);
      expect(await isThere()).toBe(true);
      await delay(6_000);
      // A process that is stopped cannot notice that its connection was cut.
      process.kill(hung, 'SIGCONT');
      await until(async () => !(await isThere()), 'the end of the process');
    } finally {
      if (hung !== undefined) {
        try {
          process.kill(hung, 'SIGCONT');
        } catch {
          // It has ended.
        }
      }
      await pool.end();
    }
  });
});
