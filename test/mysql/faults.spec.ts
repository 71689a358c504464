import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { startMariadbCluster, type DatabaseCluster, type DatabaseNode } from 'nestjs-replica/testing';
import { until } from '../support/until.js';
import { MariadbEngine, prepare } from './support/mariadb-engine.js';

const SELECT = 'SELECT name, n FROM item WHERE id = ?';
const ADD = 'UPDATE item SET n = n + 1 WHERE id = ?';

describe('a fault of one server of MariaDB', () => {
  let cluster: DatabaseCluster;
  let app: MariadbEngine;
  let replica: DatabaseNode;

  beforeEach(async () => {
    cluster = await startMariadbCluster();
    replica = cluster.replicas[0] as DatabaseNode;
    await prepare(cluster);
    await cluster.primary.query(
      `INSERT INTO item (name) VALUES ${Array.from({ length: 20 }, (_, n) => `('item ${n}')`).join(', ')}`,
    );
    await cluster.waitForCatchUp();
    app = await MariadbEngine.start(cluster);
  });

  afterEach(async () => {
    await app.stop();
    await cluster.stop();
  });

  /** Sessions that read while the work is done, and until it has shown its effect. Returns what failed, and the longest read. */
  async function readDuring(work: () => Promise<void>): Promise<{ failures: unknown[]; longestMs: number }> {
    const over = new AbortController();
    const failures: unknown[] = [];
    let longestMs = 0;
    const reader = async (n: number): Promise<void> => {
      while (!over.signal.aborted) {
        const startedMs = performance.now();
        try {
          await app.request(`reader ${n}`, (query) => query(SELECT, [1 + n]));
        } catch (error) {
          failures.push(error);
        }
        longestMs = Math.max(longestMs, performance.now() - startedMs);
      }
    };
    const readers = Array.from({ length: 8 }, (_, n) => reader(n));
    try {
      await work();
    } finally {
      over.abort();
      await Promise.all(readers);
    }
    return { failures, longestMs };
  }

  const isUp = (node: DatabaseNode): boolean =>
    [app.topology.primary, ...app.topology.replicas].some(
      ({ name, health }) => name === node.name && health === 'up',
    );

  it('fails no read when a replica is killed and comes back', async () => {
    const { failures } = await readDuring(async () => {
      await replica.kill();
      await until(() => !isUp(replica), 'that it is out');
      await replica.start();
      await until(() => isUp(replica), 'that it serves again');
    });
    expect(failures).toEqual([]);
  });

  it('fails no read when a replica hangs', async () => {
    const { failures, longestMs } = await readDuring(async () => {
      await replica.hang();
      await until(() => !isUp(replica), 'that it is out');
      await replica.resume();
      await until(() => isUp(replica), 'that it serves again');
    });
    expect(failures).toEqual([]);
    expect(longestMs).toBeLessThan(5_000);
  });

  it('fails no read when the primary is killed', async () => {
    const { failures } = await readDuring(async () => {
      await cluster.primary.kill();
      await until(() => !isUp(cluster.primary), 'that it is out');
    });
    expect(failures).toEqual([]);
  });

  it('shows each session what it wrote while a replica lags', async () => {
    await replica.pauseReplay();
    const stale: unknown[] = [];
    const { failures } = await readDuring(async () => {
      for (let n = 1; n <= 40; n++) {
        await app.request('writer', (query) => query(ADD, [20]));
        const [row] = await app.request('writer', (query) => query(SELECT, [20]));
        if (row?.['n'] !== n) stale.push([n, row]);
      }
    });
    expect([stale, failures]).toEqual([[], []]);
  });
});
