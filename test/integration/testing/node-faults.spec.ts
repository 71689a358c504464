import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { setTimeout as delay } from 'node:timers/promises';
import { PostgresCluster, PostgresNode, startPostgresCluster } from 'nestjs-replica/testing';
import { withClient } from './support/with-client.js';

let cluster: PostgresCluster;
let primary: PostgresNode;
let first: PostgresNode;
let second: PostgresNode;

async function start(): Promise<void> {
  cluster = await startPostgresCluster();
  primary = cluster.primary;
  [first, second] = [cluster.replicas[0]!, cluster.replicas[1]!];
  await primary.query('CREATE TABLE item (id int)');
  await cluster.waitForCatchUp();
}

async function itemsOn(node: PostgresNode): Promise<number[]> {
  return (await node.query<{ id: number }>('SELECT id FROM item ORDER BY id')).map(({ id }) => id);
}

async function write(node: PostgresNode, id: number): Promise<void> {
  await node.query('INSERT INTO item VALUES ($1)', [id]);
}

describe('a node', () => {
  beforeAll(start);
  afterAll(() => cluster.stop());
  beforeEach(async () => {
    await primary.query('TRUNCATE item');
    await cluster.waitForCatchUp();
  });

  it.each(['stop', 'kill'] as const)('that is ended by %s() starts again on the same port', async (end) => {
    for (const node of [first, primary]) {
      const { port } = node;
      await withClient(node, async (client) => {
        const broken = client.query('SELECT pg_sleep(30)').catch(({ message }: Error) => message);
        await delay(20);
        await node[end]();
        expect(await broken).toBe(
          end === 'stop'
            ? 'terminating connection due to administrator command'
            : 'Connection terminated unexpectedly',
        );
      });
      expect(node.state).toBe('stopped');
      await expect(node.query('SELECT 1')).rejects.toMatchObject({ code: 'ECONNREFUSED' });
      await node.start();
      expect([node.state, node.port]).toEqual(['running', port]);
    }
    await write(primary, 1);
    await cluster.waitForCatchUp();
    expect(await itemsOn(first)).toEqual([1]);
    expect(await itemsOn(second)).toEqual([1]);
  });

  it('that is told twice to start, stop or resume does it once', async () => {
    await Promise.all([
      first.start(),
      first.stop(),
      first.stop(),
      first.kill(),
      first.start(),
      first.start(),
      first.resume(),
    ]);
    expect(first.state).toBe('running');
    await cluster.waitForCatchUp();
  });

  it('that hangs keeps its connections open, answers nothing, and goes on when it is resumed', async () => {
    for (const node of [first, primary]) {
      await withClient(node, async (client) => {
        await node.hang();
        expect(node.state).toBe('hung');
        const answer = client.query('SELECT 1 AS answer').then(({ rows }) => rows);
        expect(await Promise.race([answer, delay(300, 'nothing')])).toBe('nothing');
        await node.resume();
        expect(await answer).toEqual([{ answer: 1 }]);
        expect(node.state).toBe('running');
      });
    }
  });

  it.each(['stop', 'kill'] as const)('that hangs can be ended by %s()', async (end) => {
    await first.hang();
    await expect(first.start()).rejects.toMatchObject({ code: 'REPLICA_TEST_CLUSTER_NODE_STATE' });
    await first[end]();
    expect(first.state).toBe('stopped');
    await first.start();
    await cluster.waitForCatchUp();
  });

  it('whose replay is paused does not see a write until it is resumed', async () => {
    await first.pauseReplay();
    await write(primary, 1);
    await cluster.waitForCatchUp();
    expect(await itemsOn(first)).toEqual([]);
    expect(await itemsOn(second)).toEqual([1]);
    await first.resumeReplay();
    await cluster.waitForCatchUp();
    expect(await itemsOn(first)).toEqual([1]);
  });

  it('is left out of waitForCatchUp() while it is hung or stopped', async () => {
    await first.hang();
    await second.stop();
    await write(primary, 1);
    await cluster.waitForCatchUp();
    await Promise.all([first.resume(), second.start()]);
    await cluster.waitForCatchUp();
    expect(await Promise.all([first, second].map(itemsOn))).toEqual([[1], [1]]);
  });

  it('that does not catch up is named, and so is a primary that does not run', async () => {
    await first.query(`ALTER SYSTEM SET recovery_min_apply_delay = '1min'`);
    await first.query('SELECT pg_reload_conf()');
    await delay(50);
    await write(primary, 1);
    await expect(cluster.waitForCatchUp({ timeoutMs: 200 })).rejects.toMatchObject({
      name: 'CatchUpError',
      message: expect.stringMatching(
        /^replica-1 did not catch up: it has replayed 0\/\w+ of 0\/\w+ after 200 ms$/,
      ),
    });
    await first.query('ALTER SYSTEM RESET ALL');
    await first.query('SELECT pg_reload_conf()');
    await cluster.waitForCatchUp();
    await primary.stop();
    await expect(cluster.waitForCatchUp()).rejects.toThrow('it follows primary, which is stopped');
    await primary.start();
  });

  it('says why it cannot do what it is told', async () => {
    const code = 'REPLICA_TEST_CLUSTER_NODE_STATE';
    await expect(primary.promote()).rejects.toMatchObject({
      code,
      message: 'primary cannot promote: it is a primary',
    });
    await expect(primary.pauseReplay()).rejects.toMatchObject({ code, reason: 'it is a primary' });
    await expect(first.follow(first)).rejects.toMatchObject({
      code,
      node: 'replica-1',
      action: 'follow replica-1',
    });
    await first.stop();
    await expect(first.hang()).rejects.toMatchObject({ code, reason: 'it is stopped' });
    await expect(first.resumeReplay()).rejects.toMatchObject({ code, reason: 'it is stopped' });
    await expect(second.follow(first)).rejects.toMatchObject({ code, reason: 'that node is stopped' });
    await first.start();
  });
});

describe('after a failover', () => {
  beforeEach(start);
  afterEach(() => cluster.stop());

  it('the promoted replica accepts writes, a replica follows it without a restart, the old primary by a new copy', async () => {
    await write(primary, 1);
    await cluster.waitForCatchUp();
    await primary.kill();
    await first.promote();
    await write(first, 2);
    await withClient(second, async (client) => {
      await second.follow(first);
      await cluster.waitForCatchUp();
      expect((await client.query('SELECT count(*)::int AS items FROM item')).rows).toEqual([{ items: 2 }]);
    });
    await primary.start();
    await write(primary, 100);
    await primary.follow(first);
    await write(first, 3);
    await cluster.waitForCatchUp();
    expect(await Promise.all(cluster.nodes.map(itemsOn))).toEqual([
      [1, 2, 3],
      [1, 2, 3],
      [1, 2, 3],
    ]);
    await expect(write(primary, 4)).rejects.toMatchObject({ code: '25006' });
  });

  it('a replica that has replayed more than the promoted one is copied again', async () => {
    // Not hang(): the WAL that its socket has received would be read after resume().
    await first.stop();
    await write(primary, 1);
    await cluster.waitForCatchUp();
    await primary.kill();
    await first.start();
    await first.promote();
    await write(first, 2);
    await second.follow(first);
    await cluster.waitForCatchUp();
    expect(await Promise.all([first, second].map(itemsOn))).toEqual([[2], [2]]);
  });

  it('a stopped replica follows, and a replica can follow another replica', async () => {
    await second.stop();
    await second.follow(first);
    await write(primary, 1);
    await cluster.waitForCatchUp();
    expect(await itemsOn(second)).toEqual([1]);
    expect(await first.query('SELECT application_name AS name FROM pg_stat_replication')).toEqual([
      { name: 'replica-2' },
    ]);
    await first.pauseReplay();
    await expect(first.follow(primary)).rejects.toMatchObject({
      reason: 'its replay is paused: resumeReplay() it',
    });
  });
});
