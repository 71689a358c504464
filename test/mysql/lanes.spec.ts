import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { startMariadbCluster, type DatabaseCluster } from 'nestjs-replica/testing';
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
});
