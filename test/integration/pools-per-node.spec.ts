import { afterEach, describe, expect, it } from '@jest/globals';
import { ReplicaDataSource, type ReplicaDataSourceOptions } from 'nestjs-replica';
import type { PostgresNode } from 'nestjs-replica/testing';
import { startSource } from '../support/app/start-source.js';
import { until } from '../support/until.js';
import { useCluster } from '../support/cluster/use-cluster.js';

const cluster = useCluster();

describe('pools per node', () => {
  let source: ReplicaDataSource | undefined;

  afterEach(async () => {
    await source?.destroy();
    source = undefined;
  });

  async function start(changes: Partial<ReplicaDataSourceOptions<never>>): Promise<ReplicaDataSource> {
    source = await startSource(cluster, { ...changes });

    return source;
  }

  /** What a connection to a replica of that name says of itself. */
  async function settingsOn(data: ReplicaDataSource, replica: string): Promise<unknown> {
    const sql = `SELECT current_setting('application_name') AS name, current_setting('statement_timeout') AS timeout`;
    const [row] = await data.router.runOnReplica({ replica }, () => data.query(sql));
    return row;
  }

  it('have the options of their node, of its role, and of all, in this order', async () => {
    const replicas = cluster.replicas.map(({ name, url }, index) => ({
      name,
      url,
      ...(index === 0 ? { pool: { statementTimeoutMs: 3_000 } } : {}),
    }));
    const data = await start({
      replicas,
      applicationName: 'shop',
      pool: {
        statementTimeoutMs: 1_000,
        primary: { applicationName: 'shop writes' },
        replica: { statementTimeoutMs: 2_000 },
      },
    });
    const [own] = await data.query(
      `SELECT current_setting('application_name') AS name, current_setting('statement_timeout') AS timeout`,
    );
    expect(own).toEqual({ name: 'shop writes', timeout: '1s' });
    expect(await settingsOn(data, 'replica-1')).toEqual({ name: 'shop', timeout: '3s' });
    expect(await settingsOn(data, 'replica-2')).toEqual({ name: 'shop', timeout: '2s' });
  });

  it('say which node is exhausted, and with how many', async () => {
    const data = await start({ pool: { primary: { size: 2, connectTimeoutMs: 200 } } });
    const runners = [data.createQueryRunner(), data.createQueryRunner()];
    for (const runner of runners) await runner.startTransaction();
    await expect(data.query('SELECT 1')).rejects.toMatchObject({
      code: 'REPLICA_POOL_EXHAUSTED',
      node: 'primary',
      inUse: 2,
      waiting: 1,
    });
    // That is no fault of the node.
    expect(data.router.topology().primary.health).toBe('up');
    for (const runner of runners) {
      await runner.rollbackTransaction();
      await runner.release();
    }
    await data.query('SELECT 1');
  });

  it('wait for a connection no longer than the default, though extra would let them wait for ever', async () => {
    const data = await start({ poolSize: 1, connectTimeoutMS: 300, extra: { connectionTimeoutMillis: 0 } });
    const runner = data.createQueryRunner();
    await runner.startTransaction();
    await expect(data.query('SELECT 1')).rejects.toMatchObject({ code: 'REPLICA_POOL_EXHAUSTED' });
    await runner.release();
  });

  it('replace a connection that has reached its age, between two statements', async () => {
    const data = await start({ pool: { primary: { size: 1, maxLifetimeMs: 1_000 } } });
    const pid = async (): Promise<unknown> => (await data.query('SELECT pg_backend_pid() AS pid'))[0].pid;
    const first = await pid();
    expect(await pid()).toBe(first);
    await until(async () => (await pid()) !== first, 'another connection');
  });

  it.each([true, false])(
    'send a read to another replica while one has no connection (lanes: %s)',
    async (lanes) => {
      const data = await start({ lanes, pool: { replica: { size: 2 } } });
      const nodes: string[] = [];
      data.router.on('statement', ({ node }) => nodes.push(String(node)));
      const sleepers = (node: PostgresNode): Promise<{ pid: number }[]> =>
        node.query(`SELECT pid FROM pg_stat_activity WHERE wait_event = 'PgSleep'`);
      await data.router.runOnReplica({}, async () => {
        // What one request reads comes from one replica.
        await data.query('SELECT 1 AS one');
        const [kept, other] = cluster.replicas.toSorted((node) => (node.name === nodes[0] ? -1 : 1));
        const reports = Promise.allSettled([1, 2].map(() => data.query('SELECT pg_sleep(100)')));
        const busy = kept as PostgresNode;
        await until(async () => (await sleepers(busy)).length === 2, 'the reports');
        await data.query('SELECT 2 AS two');
        expect(nodes).toEqual([busy.name, other?.name]);
        for (const { pid } of await sleepers(busy)) await busy.query('SELECT pg_cancel_backend($1)', [pid]);
        await reports;
      });
      expect(data.router.topology().replicas.map(({ health }) => health)).toEqual(['up', 'up']);
    },
  );
});
