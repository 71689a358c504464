import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { setTimeout as delay } from 'node:timers/promises';
import { createConnection } from 'mysql2/promise';
import { MariadbCluster, MariadbNode, startMariadbCluster } from 'nestjs-replica/testing';

async function itemsOn(node: MariadbNode): Promise<number[]> {
  return (await node.query<{ id: number }>('SELECT id FROM item ORDER BY id')).map(({ id }) => id);
}

describe('a cluster of MariaDB in containers', () => {
  let cluster: MariadbCluster;
  let primary: MariadbNode;
  let first: MariadbNode;
  let second: MariadbNode;

  beforeAll(async () => {
    cluster = await startMariadbCluster({ backend: 'containers', settings: { sort_buffer_size: '3M' } });
    primary = cluster.primary;
    [first, second] = [cluster.replicas[0]!, cluster.replicas[1]!];
    await primary.query('CREATE TABLE item (id int PRIMARY KEY)');
    await cluster.waitForCatchUp();
  });
  afterAll(() => cluster.stop());

  it('has a primary that accepts writes, and replicas that do not, with the settings on every node', async () => {
    expect(cluster.backend).toBe('containers');
    const sql = 'SELECT @@server_id AS id, @@sort_buffer_size AS buffer, @@read_only AS isReadOnly';
    const rows = (await Promise.all(cluster.nodes.map((node) => node.query(sql)))).flat();
    expect(rows.map(({ id }) => id)).toEqual([1, 2, 3]);
    expect(rows.map(({ buffer }) => buffer)).toEqual([3 * 1024 ** 2, 3 * 1024 ** 2, 3 * 1024 ** 2]);
    expect(rows.map(({ isReadOnly }) => isReadOnly)).toEqual([0, 1, 1]);
  });

  it.each(['stop', 'kill'] as const)(
    'has nodes that start again on the same port, and are what they were, after %s()',
    async (end) => {
      for (const node of [first, primary]) {
        const { port } = node;
        await node[end]();
        expect(node.state).toBe('stopped');
        await node.start();
        expect([node.state, node.port]).toEqual(['running', port]);
      }
      expect(await primary.query('SELECT @@read_only AS isReadOnly')).toEqual([{ isReadOnly: 0 }]);
      await cluster.waitForCatchUp();
    },
  );

  it('has nodes that hang and are resumed, or killed while they hang', async () => {
    const connection = await createConnection(first.url);
    await first.hang();
    const answer = connection.query('SELECT 1 AS one').then(([rows]) => rows);
    expect(await Promise.race([answer, delay(300, 'nothing')])).toBe('nothing');
    await first.resume();
    expect(await answer).toEqual([{ one: 1 }]);
    await connection.end();
    await first.hang();
    await first.kill();
    expect(first.state).toBe('stopped');
    await first.start();
  });

  it('has replicas whose replay can be paused', async () => {
    await first.pauseReplay();
    await primary.query('INSERT INTO item VALUES (1)');
    await cluster.waitForCatchUp();
    expect(await Promise.all([first, second].map(itemsOn))).toEqual([[], [1]]);
    await first.resumeReplay();
    await cluster.waitForCatchUp();
    expect(await itemsOn(first)).toEqual([1]);
  });

  it('fails over: one replica is promoted, the other one and the old primary follow it', async () => {
    await primary.kill();
    await first.promote();
    await first.query('INSERT INTO item VALUES (2)');
    await second.follow(first);
    await primary.start();
    await primary.query('INSERT INTO item VALUES (100)');
    await primary.follow(first);
    await cluster.waitForCatchUp();
    expect(await Promise.all(cluster.nodes.map(itemsOn))).toEqual([
      [1, 2],
      [1, 2],
      [1, 2],
    ]);
  });

  it('is stopped with a node that hangs', async () => {
    await second.hang();
    await cluster.stop();
    expect(cluster.nodes.map(({ state }) => state)).toEqual(['stopped', 'stopped', 'stopped']);
  });
});

it('says which image cannot be started', async () => {
  await expect(
    startMariadbCluster({ backend: 'containers', image: 'localhost:1/no/such-image:0' }),
  ).rejects.toMatchObject({ name: 'NodeStartError', node: 'primary' });
});
