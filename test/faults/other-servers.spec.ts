import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { ReplicaDataSource, type RouterEvents } from 'nestjs-replica';
import {
  startTcpProxy,
  type PostgresCluster,
  type PostgresNode,
  type TcpProxy,
} from 'nestjs-replica/testing';
import { sourceOptions } from '../support/app/start-source.js';
import { until } from '../support/until.js';
import { useCluster, type TestCluster } from '../support/cluster/use-cluster.js';

/** A cluster with one row that says whose it is, and a user that can be the same in several. */
const useClusterOf = (owner: string): TestCluster =>
  useCluster({
    isPerTest: true,
    replicas: 1,
    sql: `
      CREATE TABLE owner (name text);
      INSERT INTO owner VALUES ('${owner}');
      CREATE ROLE app LOGIN PASSWORD 'same' IN ROLE pg_read_all_data, pg_write_all_data;`,
  });

const ours = useClusterOf('ours');
const foreign = useClusterOf('foreign');

describe('a server of another cluster', () => {
  let proxy: TcpProxy;
  let source: ReplicaDataSource;
  let told: RouterEvents['node:foreign'][0][];

  beforeEach(async () => {
    proxy = await startTcpProxy(replica(ours));
    told = [];
  });
  afterEach(async () => {
    if (source.isInitialized) await source.destroy();
    await proxy.close();
  });

  const replica = (cluster: PostgresCluster): PostgresNode => cluster.replicas[0] as PostgresNode;
  const at = ({ host, port, database }: { host: string; port: number; database?: string }): object => ({
    host,
    port,
    username: 'app',
    password: 'same',
    database: database ?? ours.primary.database,
  });

  const start = async (
    nodes: { primary?: object; replicas?: object[]; startWithoutPrimary?: boolean } = {},
  ): Promise<void> => {
    source = new ReplicaDataSource({
      ...sourceOptions(ours),
      entities: [],
      poolSize: 20,
      primary: at(ours.primary),
      replicas: [{ name: 'replica', ...at(proxy) }],
      ...nodes,
    });
    source.router.on('node:foreign', (event) => told.push(event));
    await source.initialize();
  };
  const read = (): Promise<{ name: string }[]> =>
    source.router.runOnReplica({}, () => source.query('SELECT name FROM owner'));
  /** Whose rows so many reads at once are shown, on as many connections as it takes. */
  const readMany = async (count = 20): Promise<unknown[]> => {
    const rows = await Promise.all(Array.from({ length: count }, read));
    return [...new Set(rows.flat().map(({ name }) => name))];
  };
  const node = (): { health: string; problem: string | null } => {
    const [one] = source.router.topology().replicas;
    return one ?? { health: 'none', problem: null };
  };
  const isUp = (): boolean => node().health === 'up';

  it("gets no statements when it answers at a replica's address from the start, and an event says so", async () => {
    proxy.redirect(replica(foreign));
    await start();
    expect(await readMany()).toEqual(['ours']);
    await until(() => told.length > 0, 'the event');
    expect(node()).toMatchObject({
      health: 'down',
      problem: expect.stringContaining('a server of another database cluster answers at its address'),
    });
    expect(await readMany()).toEqual(['ours']);
    expect(told).toHaveLength(1);
    proxy.redirect(replica(ours));
    await until(isUp, 'the right one');
  });

  it('gets no statements when it takes the address of a replica, whether connections broke or not', async () => {
    await start();
    await until(isUp);
    await read();
    proxy.redirect(replica(foreign));
    expect(await readMany()).toEqual(['ours']);
    await until(() => node().health === 'down', 'the fault');
    expect(await readMany()).toEqual(['ours']);
    proxy.reset();
    expect(await readMany()).toEqual(['ours']);
    await until(() => told.length > 0, 'the event');
    expect(await readMany()).toEqual(['ours']);
  });

  it('never becomes the primary, even if it takes writes on a higher timeline', async () => {
    await replica(foreign).promote();
    await start();
    await until(isUp);
    proxy.redirect(replica(foreign));
    proxy.reset();
    await until(() => told.length > 0, 'the event');
    await source.query(`INSERT INTO owner VALUES ('ours')`);
    expect(source.router.topology().primary).toMatchObject({ name: 'primary', health: 'up', timeline: 1 });
    expect(await ours.primary.query('SELECT name FROM owner')).toHaveLength(2);
    await ours.primary.kill();
    await until(() => source.router.topology().primary.health === 'down', 'the loss');
    await expect(source.query(`INSERT INTO owner VALUES ('ours')`)).rejects.toThrow('primary');
    expect(source.router.topology().primary.name).toBe('primary');
    expect(await replica(foreign).query('SELECT name FROM owner')).toHaveLength(1);
  });

  it("gets no writes when new connections to the primary lead to it, even if the monitor's own leads to ours", async () => {
    const primaryProxy = await startTcpProxy(ours.primary);
    try {
      await start({ primary: at(primaryProxy) });
      await until(isUp);
      // The monitor's own connection may answer again before all writes have ended.
      const down = new Set<string>();
      source.router.on('node:down', (event) => down.add(event.node.role));
      primaryProxy.redirect(foreign.primary);
      const writes = Array.from({ length: 10 }, () => source.query(`INSERT INTO owner VALUES ('ours')`));
      await Promise.allSettled(writes);
      await until(() => down.has('primary'), 'the fault');
      expect(await foreign.primary.query('SELECT name FROM owner')).toHaveLength(1);
      primaryProxy.redirect(ours.primary);
      await until(() => source.router.topology().primary.health === 'up', 'the right one');
      await source.query(`INSERT INTO owner VALUES ('ours')`);
    } finally {
      await source.destroy();
      await primaryProxy.close();
    }
  });

  it('keeps an application from starting while the primary is away: nobody knows which server is right', async () => {
    await ours.primary.stop();
    const replicas = [
      { name: 'replica', ...at(proxy) },
      { name: 'wrong', ...at(replica(foreign)) },
    ];
    await expect(start({ replicas, startWithoutPrimary: true })).rejects.toMatchObject({
      code: 'REPLICA_NO_NODE',
    });
    await start({ startWithoutPrimary: true });
    await until(isUp);
    await source.destroy();
  });
});
