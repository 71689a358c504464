import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import pg from 'pg';
import { PostgresCluster, startPostgresCluster } from 'nestjs-replica/testing';
import { idleBehindPageHeader } from './support/idle-behind-page-header.js';
import { withClient } from './support/with-client.js';

describe('a cluster', () => {
  let cluster: PostgresCluster;
  const lines: string[] = [];

  beforeAll(async () => {
    cluster = await startPostgresCluster({
      settings: { log_statement: 'all', work_mem: '7MB', 'test.text': `it's` },
      log: (line) => lines.push(line),
    });
  });
  afterAll(() => cluster.stop());

  it('has a primary and as many replicas as were asked for', () => {
    expect(cluster.backend).toBe('embedded');
    expect(cluster.nodes.map(({ name, role, state }) => [name, role, state])).toEqual([
      ['primary', 'primary', 'running'],
      ['replica-1', 'replica', 'running'],
      ['replica-2', 'replica', 'running'],
    ]);
    expect(cluster.nodes).toEqual([cluster.primary, ...cluster.replicas]);
  });

  it('streams from the primary to every replica', async () => {
    const streams = await cluster.primary.query<{ name: string }>(
      `SELECT application_name AS name, state FROM pg_stat_replication ORDER BY 1`,
    );
    expect(streams).toEqual([
      { name: 'replica-1', state: 'streaming' },
      { name: 'replica-2', state: 'streaming' },
    ]);
  });

  it('shows on the replicas what was written on the primary, once they have caught up', async () => {
    await cluster.primary.query('CREATE TABLE shown (id int)');
    for (let id = 1; id <= 20; id++) {
      await cluster.primary.query('INSERT INTO shown VALUES ($1)', [id]);
      await cluster.waitForCatchUp();
      for (const replica of cluster.replicas) {
        expect(await replica.query('SELECT max(id) AS id FROM shown')).toEqual([{ id }]);
      }
    }
  });

  it('catches up where an idle primary counts the header of an empty page', async () => {
    expect(await idleBehindPageHeader(cluster.primary)).toBe(24);
    await cluster.waitForCatchUp({ timeoutMs: 5_000 });
  });

  it('catches up where an idle primary counts the header of an empty segment', async () => {
    await cluster.primary.query('SELECT pg_switch_wal()');
    await cluster.waitForCatchUp({ timeoutMs: 5_000 });
    const [row] = await cluster.primary.query(
      `SELECT mod(pg_current_wal_insert_lsn() - '0/0', pg_size_bytes(current_setting('wal_segment_size')))::int AS offset`,
    );
    expect(row).toEqual({ offset: 40 });
  });

  it('refuses writes on replicas, and says by cluster_name which node answers', async () => {
    for (const node of cluster.nodes) {
      expect(await node.query(`SELECT current_setting('cluster_name') AS name`)).toEqual([
        { name: node.name },
      ]);
    }
    await expect(cluster.replicas[0]?.query('CREATE TABLE refused (id int)')).rejects.toMatchObject({
      code: '25006',
    });
  });

  it('has the settings on every node', async () => {
    for (const node of cluster.nodes) {
      expect(
        await node.query(`SELECT current_setting('work_mem') AS mem, current_setting('test.text') AS text`),
      ).toEqual([{ mem: '7MB', text: `it's` }]);
    }
  });

  it('has a transcript of the statements of each node', async () => {
    await cluster.replicas[1]?.query(`SELECT 'only here'`);
    expect(await cluster.replicas[1]?.readLog()).toContain(`SELECT 'only here'`);
    expect(await cluster.replicas[0]?.readLog()).not.toContain(`SELECT 'only here'`);
  });

  it('is reached by its URL, and only with the password', async () => {
    const { primary } = cluster;
    expect(primary.url).toBe(`postgres://postgres:${primary.password}@127.0.0.1:${primary.port}/postgres`);
    const rows = await withClient(
      primary,
      async (client) => (await client.query('SELECT current_database() AS db')).rows,
    );
    expect(rows).toEqual([{ db: 'postgres' }]);
    // oxlint-disable-next-line import/no-named-as-default-member
    const stranger = new pg.Client(primary.url.replace(primary.password, 'guess'));
    await expect(stranger.connect()).rejects.toMatchObject({ code: '28P01' });
  });

  it('tells its steps, without the password', () => {
    expect(lines.at(0)).toMatch(
      /^cluster: primary on port \d+, replica-1 on port \d+, replica-2 on port \d+, up in \d+ ms/,
    );
    expect(lines.join('\n')).not.toContain(cluster.primary.password);
  });
});

describe('startPostgresCluster()', () => {
  const clusters: PostgresCluster[] = [];
  afterEach(async () => {
    await Promise.all(clusters.splice(0).map((one) => one.stop()));
  });

  it('starts a primary alone', async () => {
    const cluster = await startPostgresCluster({ replicas: 0 });
    clusters.push(cluster);
    expect(cluster.replicas).toEqual([]);
    await cluster.waitForCatchUp();
    expect(await cluster.primary.query('SELECT pg_is_in_recovery() AS replica')).toEqual([
      { replica: false },
    ]);
  });

  it('starts with replicas that are made to lag', async () => {
    const cluster = await startPostgresCluster({ replicas: 1, settings: { recovery_min_apply_delay: '1h' } });
    clusters.push(cluster);
    await cluster.primary.query('CREATE TABLE late (id int)');
    await expect(cluster.replicas[0]?.query('SELECT * FROM late')).rejects.toMatchObject({ code: '42P01' });
    await cluster.replicas[0]?.promote();
  });

  it('is stopped at the end of an `await using` block', async () => {
    const cluster = await startPostgresCluster({ replicas: 0 });
    clusters.push(cluster);
    await cluster[Symbol.asyncDispose]();
    expect(cluster.primary.state).toBe('stopped');
    await expect(cluster.primary.query('SELECT 1')).rejects.toMatchObject({ name: 'ClusterStoppedError' });
    await expect(cluster.primary.start()).rejects.toMatchObject({ code: 'REPLICA_TEST_CLUSTER_STOPPED' });
  });

  it('says why a node does not start, with the end of its log', async () => {
    await expect(startPostgresCluster({ settings: { shared_buffers: 'plenty' } })).rejects.toMatchObject({
      name: 'NodeStartError',
      code: 'REPLICA_TEST_CLUSTER_NODE_START_FAILED',
      node: 'primary',
      message: expect.stringContaining('invalid value for parameter "shared_buffers": "plenty"'),
    });
  });

  it('refuses options that it does not know', async () => {
    await expect(Reflect.apply(startPostgresCluster, undefined, [{ standbys: 2 }])).rejects.toMatchObject({
      name: 'InvalidClusterOptionsError',
      code: 'REPLICA_TEST_CLUSTER_OPTIONS_INVALID',
      message: expect.stringContaining('standbys: expected one of replicas'),
    });
  });
});
