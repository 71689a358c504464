import { afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { ReplicaDataSource, type NodeOptions, type ReplicaDataSourceOptions } from 'nestjs-replica';
import { type PostgresNode } from 'nestjs-replica/testing';
import { until } from '../../support/until.js';
import { useCluster } from '../../support/cluster/use-cluster.js';
import { APPLICATION } from '../../support/cluster/transcript.js';

/** Takes so long that only its end by other hands ends it; seconds. */
const LONG = 'SELECT pg_sleep(100)';

const cluster = useCluster({ sql: 'CREATE TABLE item AS SELECT n AS id FROM generate_series(1, 1000) n' });

describe('a replica that leaves', () => {
  let source: ReplicaDataSource;
  let replica: PostgresNode;
  let other: PostgresNode;

  beforeAll(() => {
    [replica, other] = cluster.replicas as [PostgresNode, PostgresNode];
  });
  afterEach(async () => {
    await source.destroy();
    await Promise.all([replica, other].map(endLongReads));
    await Promise.all([replica, other].map(isLeft));
  });

  async function start(changes: Partial<ReplicaDataSourceOptions<never>> = {}): Promise<void> {
    source = new ReplicaDataSource({
      type: 'postgres',
      primary: { url: cluster.primary.url },
      replicas: [optionsOf(replica)],
      applicationName: APPLICATION,
      // A machine that is merely busy must not make a node seem down here.
      monitor: { intervalMs: 100, probeTimeoutMs: 5_000 },
      ...changes,
    });
    await source.initialize();
    await allUp();
  }

  const optionsOf = ({ name, url }: PostgresNode): NodeOptions => ({ name, url });
  const allUp = (): Promise<void> =>
    until(
      // A replica whose age is not known yet is up, and serves nobody.
      () => source.router.topology().replicas.every(({ health, lagMs }) => health === 'up' && lagMs !== null),
      'all up',
    );
  const onReplica = <T>(fn: () => Promise<T>): Promise<T> => source.router.runOnReplica({}, fn);

  /** What the application runs on a node now, and how many connections it and its monitor have there. */
  async function activity(node: PostgresNode): Promise<{ active: number; connections: number }> {
    const [row] = await node.query<{ active: number; connections: number }>(
      `SELECT count(*) FILTER (WHERE query = $2 AND state = 'active')::int AS active, count(*)::int AS connections
         FROM pg_stat_activity WHERE application_name IN ($1, 'nestjs-replica monitor')`,
      [APPLICATION, LONG],
    );
    return row as { active: number; connections: number };
  }

  const isLeft = (node: PostgresNode): Promise<void> =>
    until(async () => (await activity(node)).connections === 0, 'the end of all connections');

  /** Begins a read that goes on until it is ended on the server. */
  async function beginLongRead(): Promise<Promise<string>[]> {
    const outcome = onReplica(() => source.query(LONG)).then(
      () => 'answered',
      (error: { driverError?: { code?: string } }) => error.driverError?.code ?? 'unknown',
    );
    await until(async () => (await activity(replica)).active === 1, 'the read');
    return [outcome];
  }

  /** A server does not notice by itself that whoever asked has gone. */
  const endLongReads = (node: PostgresNode): Promise<unknown> =>
    node.query(`SELECT pg_cancel_backend(pid) FROM pg_stat_activity WHERE query = $1`, [LONG]);

  it('gets nothing new, and finishes the transaction and the statements that run on it', async () => {
    await start();
    const counts = await source.router.readOnlyTransaction({}, async (manager) => {
      const before = await manager.query('SELECT count(*)::int AS n FROM item');
      await source.router.setReplicas([optionsOf(other)]);
      await allUp();
      const portRead = async (): Promise<unknown> =>
        (await onReplica(() => source.query('SELECT inet_server_port() AS port')))[0].port;
      // The request moves as soon as the other one has what it saw, for which it waits only a moment.
      await until(async () => (await portRead()) === other.port, 'a read from the other replica');
      const [{ port }] = await manager.query('SELECT inet_server_port() AS port');
      expect(port).toBe(replica.port);
      return [before, await manager.query('SELECT count(*)::int AS n FROM item')];
    });
    expect(counts).toEqual([[{ n: 1000 }], [{ n: 1000 }]]);
    await isLeft(replica);
  });

  it('is cut after drainTimeoutMs: a transaction fails', async () => {
    await start({ drainTimeoutMs: 100 });
    const transaction = source.router.readOnlyTransaction({}, async (manager) => {
      await manager.query('SELECT count(*) FROM item');
      await source.router.setReplicas([]);
      await isLeft(replica);
      return manager.query('SELECT count(*) FROM item');
    });
    await expect(transaction).rejects.toMatchObject({ message: expect.any(String) });
  });

  it('is cut after drainTimeoutMs: a read goes on elsewhere', async () => {
    await start({ replicas: [replica, other].map(optionsOf), drainTimeoutMs: 100 });
    await source.router.drain(other.name);
    const [read] = await beginLongRead();
    source.router.resume(other.name);
    await source.router.setReplicas([optionsOf(other)]);
    await until(async () => (await activity(other)).active === 1, 'the read on another replica');
    await Promise.all([endLongReads(other), endLongReads(replica)]);
    expect(await read).toBe('57014');
    await isLeft(replica);
  });

  it('is drained when nothing runs on it any more', async () => {
    await start({ replicas: [replica, other].map(optionsOf) });
    await source.router.drain(other.name);
    const [read] = await beginLongRead();
    source.router.resume(other.name);
    let isDrained = false;
    const drained = source.router.drain(replica.name).then(() => (isDrained = true));
    const ports = await Promise.all(
      Array.from({ length: 20 }, () => onReplica(() => source.query('SELECT inet_server_port() AS port'))),
    );
    expect(new Set(ports.map(([{ port }]) => port))).toEqual(new Set([other.port]));
    expect(isDrained).toBe(false);
    await endLongReads(replica);
    expect(await read).toBe('57014');
    await drained;
    expect(source.router.topology().replicas.map(({ isDraining }) => isDraining)).toEqual([true, false]);
  });

  it('does not hold up the end of the data source', async () => {
    await start();
    const [read] = await beginLongRead();
    const drained = source.router.drain(replica.name).catch(({ code }: { code: string }) => code);
    await source.router.setReplicas([]);
    const startedMs = performance.now();
    await source.destroy();
    expect(performance.now() - startedMs).toBeLessThan(5_000);
    expect(await read).not.toBe('answered');
    expect(await drained).toBe('REPLICA_DRAIN_INTERRUPTED');
    await source.initialize();
  });
});

describe('setReplicas', () => {
  it('refuses mistakes all at once, and changes nothing', async () => {
    const [replica] = cluster.replicas as [PostgresNode];
    const source = new ReplicaDataSource({
      type: 'postgres',
      primary: { url: cluster.primary.url },
      replicas: [{ url: replica.url }],
    });
    try {
      await expect(source.router.setReplicas([])).rejects.toThrow('not initialized');
      await source.initialize();
      const bad = [
        { name: 'a b', url: 'mysql://app:s3cret@h/x' },
        { host: 'x', wieght: 2 },
      ];
      await expect(source.router.setReplicas(bad)).rejects.toMatchObject({
        code: 'REPLICA_INVALID_OPTIONS',
        problems: [
          expect.stringContaining('replicas[0].name must be'),
          expect.stringContaining('replicas[0].url begins with mysql://'),
          'replicas[1].wieght is not an option; did you mean weight?',
        ],
      });
      expect(source.router.topology().replicas.map(({ name }) => name)).toEqual([
        `127.0.0.1-${replica.port}`,
      ]);
      await source.router.setReplicas([{ host: '127.0.0.1', port: 1 }, { url: replica.url }]);
      expect(
        source.router
          .topology()
          .replicas.map(({ name }) => name)
          .toSorted(),
      ).toEqual(['127.0.0.1-1', `127.0.0.1-${replica.port}`].toSorted());
    } finally {
      await source.destroy();
    }
  });
});
