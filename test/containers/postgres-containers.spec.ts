import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { setTimeout as delay } from 'node:timers/promises';
import { PostgresCluster, PostgresNode, startPostgresCluster } from 'nestjs-replica/testing';
import { withClient } from '../integration/testing/support/with-client.js';

async function itemsOn(node: PostgresNode): Promise<number[]> {
  return (await node.query<{ id: number }>('SELECT id FROM item ORDER BY id')).map(({ id }) => id);
}

describe('a cluster of containers', () => {
  let cluster: PostgresCluster;
  let primary: PostgresNode;
  let first: PostgresNode;
  let second: PostgresNode;

  beforeAll(async () => {
    cluster = await startPostgresCluster({
      backend: 'containers',
      settings: { work_mem: '7MB', log_statement: 'all' },
    });
    primary = cluster.primary;
    [first, second] = [cluster.replicas[0]!, cluster.replicas[1]!];
    await primary.query('CREATE TABLE item (id int)');
    await cluster.waitForCatchUp();
  });
  afterAll(() => cluster.stop());

  it('streams from the primary to every replica, with the settings on every node', async () => {
    expect(cluster.backend).toBe('containers');
    const streams = await primary.query(
      'SELECT application_name AS name FROM pg_stat_replication WHERE state = $1 ORDER BY 1',
      ['streaming'],
    );
    expect(streams).toEqual([{ name: 'replica-1' }, { name: 'replica-2' }]);
    for (const node of cluster.nodes) {
      expect(
        await node.query(
          `SELECT current_setting('cluster_name') AS name, current_setting('work_mem') AS mem`,
        ),
      ).toEqual([{ name: node.name, mem: '7MB' }]);
    }
    await first.query(`SELECT 'only here'`);
    expect(await first.readLog()).toContain(`SELECT 'only here'`);
    expect(await second.readLog()).not.toContain(`SELECT 'only here'`);
  });

  it.each(['stop', 'kill'] as const)(
    'has nodes that start again on the same port after %s()',
    async (end) => {
      for (const node of [first, primary]) {
        const { port } = node;
        await node[end]();
        expect(node.state).toBe('stopped');
        await node.start();
        expect([node.state, node.port]).toEqual(['running', port]);
      }
      await cluster.waitForCatchUp();
    },
  );

  it('has nodes that hang and are resumed, or killed while they hang', async () => {
    await withClient(first, async (client) => {
      await first.hang();
      const answer = client.query('SELECT 1 AS answer').then(({ rows }) => rows);
      expect(await Promise.race([answer, delay(300, 'nothing')])).toBe('nothing');
      await first.resume();
      expect(await answer).toEqual([{ answer: 1 }]);
    });
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
    await second.stop();
    await second.follow(primary);
    await first.query('INSERT INTO item VALUES (3)');
    await cluster.waitForCatchUp();
    expect(await itemsOn(second)).toEqual([1, 2, 3]);
  });

  it('is stopped with a node that hangs', async () => {
    await second.hang();
    await cluster.stop();
    expect(cluster.nodes.map(({ state }) => state)).toEqual(['stopped', 'stopped', 'stopped']);
  });
});

it('says which image cannot be started', async () => {
  await expect(
    startPostgresCluster({ backend: 'containers', image: 'localhost:1/no/such-image:0' }),
  ).rejects.toMatchObject({ name: 'NodeStartError', node: 'primary' });
});
