import { afterEach, describe, expect, it } from '@jest/globals';
import { ReplicaDataSource, type NodeStatus, type ReplicaDataSourceOptions } from 'nestjs-replica';
import { startTcpProxy, type DatabaseNode, type TcpProxy } from 'nestjs-replica/testing';
import { sourceOptions } from '../../support/app/start-source.js';
import { useCluster } from '../../support/cluster/use-cluster.js';
import { until } from '../../support/until.js';
import { startPooler, type Pooler } from './support/pooler.js';

/** A user that is the same in several clusters. */
const APP_SQL = `CREATE ROLE app LOGIN PASSWORD 'same' IN ROLE pg_read_all_data`;

describe('several servers behind one address', () => {
  const cluster = useCluster({
    replicas: 2,
    sql: `CREATE TABLE thing (id int); INSERT INTO thing VALUES (1); ${APP_SQL}`,
  });
  const foreign = useCluster({
    replicas: 1,
    sql: APP_SQL,
  });
  const closing: (() => Promise<unknown>)[] = [];
  const logged: string[] = [];

  afterEach(async () => {
    for (const close of closing.splice(0).toReversed()) await close();
    logged.length = 0;
  });

  async function proxyTo(...targets: DatabaseNode[]): Promise<TcpProxy> {
    const proxy = await startTcpProxy(targets);
    closing.push(() => proxy.close());
    return proxy;
  }

  async function start(
    replicas: ReplicaDataSourceOptions<never>['replicas'],
    primary: { readonly url: string } = cluster.primary,
    others: Partial<ReplicaDataSourceOptions<never>> = {},
  ): Promise<ReplicaDataSource> {
    const log = (_: unknown, message: unknown): void => void logged.push(String(message));
    const source = new ReplicaDataSource(
      sourceOptions(cluster, {
        primary: { url: primary.url },
        replicas,
        ...others,
        logger: {
          log,
          logQuery: () => {},
          logQueryError: () => {},
          logQuerySlow: () => {},
          logSchemaBuild: () => {},
          logMigration: () => {},
        },
      }),
    );
    closing.push(async () => {
      if (source.isInitialized) await source.destroy();
    });
    await source.initialize();
    return source;
  }

  const many = ({ url }: { readonly url: string }): { name: string; url: string; servers: 'many' } => ({
    name: 'reader',
    url,
    servers: 'many',
  });
  const addressOf = ({ host, port }: DatabaseNode): string => `${host}:${port}`;
  const replicasOf = (source: ReplicaDataSource): readonly NodeStatus[] => source.router.topology().replicas;
  const addressesUp = (source: ReplicaDataSource): readonly string[] =>
    replicasOf(source)
      .filter(({ health }) => health === 'up')
      .map(({ address }) => address)
      .toSorted();
  const addressesOf = (...nodes: readonly DatabaseNode[]): readonly string[] =>
    nodes.map(addressOf).toSorted();
  const ported = async (source: ReplicaDataSource): Promise<string> => {
    const read = (): Promise<{ port: string }[]> =>
      source.query(`SELECT current_setting('port') AS port FROM thing`);
    const [row] = await source.router.runOnReplica({}, read);
    return row?.port ?? '';
  };

  it('are replicas with names that each process makes alike, and the primary among them is none', async () => {
    const [first, second] = cluster.replicas as [DatabaseNode, DatabaseNode];
    const proxy = await proxyTo(cluster.primary, first, second);
    const [here, there] = await Promise.all([start([many(proxy)]), start([many(proxy)])]);
    for (const source of [here, there]) await until(() => addressesUp(source).length === 2, 'two replicas');
    expect(addressesUp(here)).toEqual(addressesOf(first, second));
    const namesOf = (source: ReplicaDataSource): readonly string[] =>
      replicasOf(source)
        .map(({ name }) => name)
        .toSorted();
    expect(namesOf(here)).toEqual(namesOf(there));
    expect(replicasOf(here)).toHaveLength(2);

    const ports = new Set<string>();
    await until(async () => ports.add(await ported(here)).size === 2, 'reads on both');
    const [other, asked] = namesOf(here) as [string, string];
    const explained = await here.router.explain('SELECT id FROM thing', { replica: asked });
    expect(explained).toMatchObject({ kind: 'read', node: asked, tables: ['thing'] });
    const whys = Object.fromEntries(explained.candidates.map(({ node, why }) => [node, why]));
    expect(whys).toEqual({ primary: null, [other]: 'not-asked-for', [asked]: null });
    expect([...ports].toSorted()).toEqual([first, second].map(({ port }) => String(port)).toSorted());
    // Many connections at once, each to the server that its node stands for.
    const runners = Array.from({ length: 6 }, () => here.createQueryRunner('slave'));
    await Promise.all(
      runners.map(async (runner) => {
        await runner.query('BEGIN READ ONLY');
        await runner.query('COMMIT');
        await runner.release();
      }),
    );
    expect(logged.filter((line) => line.includes('another server'))).toEqual([]);
  });

  it('are watched on connections that they have, when the balancer leads elsewhere', async () => {
    const [first, second] = cluster.replicas as [DatabaseNode, DatabaseNode];
    const proxy = await proxyTo(first, second);
    const source = await start([many(proxy)]);
    await until(() => addressesUp(source).length === 2, 'two replicas');
    proxy.redirect(first);
    for (let reads = 0; reads < 20; reads++) await ported(source);
    expect(addressesUp(source)).toEqual(addressesOf(first, second));
    // Whoever loses its connections cannot be reached any more.
    proxy.reset();
    await until(() => addressesUp(source).join() === addressOf(first), 'one replica');
    await until(async () => (await ported(source)) === String(first.port), 'a read there');
  });

  it('stand in for a primary that is away at the start, and leave no connection when they end', async () => {
    const proxy = await proxyTo(...cluster.replicas);
    const writer = await proxyTo(cluster.primary);
    writer.refuse();
    const source = await start([many(proxy)], writer, { startWithoutPrimary: true });
    await until(() => addressesUp(source).length === 2, 'two replicas');
    expect(await ported(source)).not.toBe(String(cluster.primary.port));
    await writer.restore();
    await until(() => source.router.topology().primary.health === 'up', 'the primary');
    await source.query('UPDATE thing SET id = id');
    await source.destroy();
    await until(() => proxy.connections === 0, 'no connection');
  });

  it('come and go with router.setReplicas()', async () => {
    const [first, second] = cluster.replicas as [DatabaseNode, DatabaseNode];
    const proxy = await proxyTo(second);
    const source = await start([{ name: 'first', url: first.url }]);
    await source.router.setReplicas([{ name: 'first', url: first.url }, many(proxy)]);
    await until(() => addressesUp(source).length === 2, 'two replicas');
    const [, found] = replicasOf(source);
    await source.router.setReplicas([many(proxy)]);
    expect(replicasOf(source).map(({ name }) => name)).toEqual([found?.name]);
    expect(await ported(source)).toBe(String(second.port));
    await source.router.setReplicas([]);
    expect(replicasOf(source)).toEqual([]);
    expect(await ported(source)).toBe(String(cluster.primary.port));
  });

  it('are nobody while the address leads only to the primary, as a reader endpoint does that has no reader left', async () => {
    const [first] = cluster.replicas as [DatabaseNode];
    const proxy = await proxyTo(cluster.primary);
    const source = await start([many(proxy)]);
    expect(replicasOf(source)).toEqual([]);
    expect(logged.filter((line) => line.includes('lead only to servers that accept writes'))).toHaveLength(1);
    expect(await ported(source)).toBe(String(cluster.primary.port));
    proxy.redirect(first);
    await until(async () => (await ported(source)) === String(first.port), 'a read by the reader');
    proxy.redirect(cluster.primary);
    proxy.reset();
    await until(() => addressesUp(source).length === 0, 'no reader');
    for (let reads = 0; reads < 10; reads++) expect(await ported(source)).toBe(String(cluster.primary.port));
    await source.query('UPDATE thing SET id = id');
  });

  it('get nothing if they belong to another cluster', async () => {
    const [first] = cluster.replicas as [DatabaseNode];
    const proxy = await proxyTo(foreign.replicas[0] as DatabaseNode, foreign.primary);
    const url = `postgres://app:same@${proxy.host}:${proxy.port}/${cluster.primary.database}`;
    const source = await start([many({ url })]);
    await until(
      () => replicasOf(source)[0]?.problem?.includes('another database cluster') === true,
      'a problem',
    );
    for (let reads = 0; reads < 10; reads++) expect(await ported(source)).toBe(String(cluster.primary.port));
    proxy.redirect([foreign.replicas[0] as DatabaseNode, first]);
    await until(async () => (await ported(source)) === String(first.port), 'a read by our own server');
    const ports = new Set<string>();
    for (let reads = 0; reads < 20; reads++) ports.add(await ported(source));
    expect([...ports]).toEqual([String(first.port)]);
  });

  it('serve nobody behind a pooler, which may lead each statement to another one', async () => {
    const pooler: Pooler = await startPooler(cluster.replicas[0] as DatabaseNode);
    closing.push(() => pooler.close());
    const source = await start([many(pooler)]);
    await until(() => logged.some((line) => line.includes('a pooler answers')), 'a line in the log');
    expect(replicasOf(source)).toEqual([]);
    expect(await ported(source)).toBe(String(cluster.primary.port));
    expect(logged.filter((line) => line.includes('no server was found behind reader'))).toHaveLength(1);
  });

  it('never become the primary, until its address leads there', async () => {
    const [first, second] = cluster.replicas as [DatabaseNode, DatabaseNode];
    const writer = await proxyTo(cluster.primary);
    const source = await start([many(await proxyTo(first, second))], writer);
    await until(() => addressesUp(source).length === 2, 'two replicas');
    const conflicts: string[] = [];
    source.router.on('primary:conflict', ({ node }) => void conflicts.push(node.address));
    await first.promote();
    await until(() => conflicts.length > 0, 'a conflict');
    expect(conflicts).toEqual([addressOf(first)]);
    expect(source.router.topology().primary.name).toBe('primary');
    await until(() => addressesUp(source).length <= 1, 'the promoted server out');
    writer.redirect(first);
    await cluster.primary.stop();
    writer.reset();
    await second.follow(first);
    await until(
      () => addressesUp(source).join() === addressOf(second),
      'the other one behind the new primary',
    );
    await source.query('INSERT INTO thing VALUES (2)');
    expect(await first.query('SELECT id FROM thing ORDER BY id')).toEqual([{ id: 1 }, { id: 2 }]);
    await until(
      () => !replicasOf(source).some(({ address }) => address === addressOf(first)),
      'the primary among no replicas',
    );
  });
});
