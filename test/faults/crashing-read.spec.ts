import { afterEach, describe, expect, it } from '@jest/globals';
import { ReplicaDataSource } from 'nestjs-replica';
import { startTcpProxy, type PostgresNode } from 'nestjs-replica/testing';
import { setTimeout as delay } from 'node:timers/promises';
import { startSource } from '../support/app/start-source.js';
import { until } from '../support/until.js';
import { useLedgerCluster } from '../support/cluster/use-cluster.js';

const SLEEPS_ON_REPLICAS = `SELECT pg_sleep(CASE current_setting('transaction_read_only') WHEN 'on' THEN 60 ELSE 0 END), current_setting($1) AS port`;

/** The read whose process dies, wherever it runs. */
const MARKED = 'SELECT pg_sleep($1), 1 /* marked */ AS one';
const HARMLESS = 'SELECT count(*)::int AS n FROM account WHERE id > $1';

const cluster = useLedgerCluster({ count: 0 });

describe('a read whose server process crashes', () => {
  let source: ReplicaDataSource | undefined;

  afterEach(async () => {
    await source?.destroy();
    source = undefined;
    for (const node of cluster.nodes) await until(() => answers(node), `${node.name} after its crash`);
    await cluster.waitForCatchUp();
  });

  async function start(changes: object = {}): Promise<ReplicaDataSource> {
    source = await startSource(cluster, changes);
    return source;
  }

  const read = <T = unknown>(from: ReplicaDataSource, text: string, values: unknown[]): Promise<T> =>
    from.router.runOnReplica({}, () => from.query(text, values));

  /** Kills what runs the marked read, wherever it turns up, until `done`; gives the nodes that crashed. */
  async function killMarked(done: Promise<unknown>): Promise<string[]> {
    const crashed: string[] = [];
    const ended = new AbortController();
    done.catch(() => undefined).finally(() => ended.abort());
    while (!ended.signal.aborted) {
      await Promise.all(
        cluster.nodes.map(async (node) => {
          const [found] = await runsMarked(node);
          if (found === undefined) return;
          process.kill(found.pid, 'SIGKILL');
          crashed.push(node.name);
          await until(async () => !(await isAlive(found.pid)));
        }),
      );
      await delay(5);
    }
    return crashed;
  }

  const runsMarked = (node: PostgresNode): Promise<{ pid: number }[]> =>
    node
      .query<{ pid: number }>(
        `SELECT pid FROM pg_stat_activity
          WHERE state = 'active' AND query LIKE '%/* marked */%' AND pid <> pg_backend_pid() AND now() - query_start > interval '20 ms'`,
      )
      .catch(() => []);

  const sleeping = async (node: PostgresNode): Promise<number> => {
    const found = await node.query(
      `SELECT 1 FROM pg_stat_activity WHERE state = 'active' AND query LIKE 'SELECT pg_sleep(%' AND query LIKE '%AS port'`,
    );
    return found.length;
  };

  const isAlive = (pid: number): Promise<boolean> => {
    try {
      process.kill(pid, 0);
      return Promise.resolve(true);
    } catch {
      return Promise.resolve(false);
    }
  };

  const answers = (node: PostgresNode): Promise<boolean> =>
    node.query('SELECT 1').then(
      () => true,
      () => false,
    );

  const codeOf = (failing: Promise<unknown>): Promise<unknown> =>
    failing.then(
      () => 'answered',
      (error: { code?: unknown }) => error.code,
    );

  const one = (): object => ({
    replicas: [cluster.replicas[0]].map((node) => ({ name: node?.name, url: node?.url })),
  });

  it.each([
    ['two replicas', 2],
    ['one replica', 1],
  ])('runs on one more replica at most, and never on the primary: %s', async (_, replicas) => {
    const from = await start(replicas === 1 ? one() : {});
    const reading = read(from, MARKED, [30]);
    const crashed = await killMarked(reading);
    expect(crashed).toHaveLength(replicas);
    expect(crashed).not.toContain('primary');
    await expect(reading).rejects.toMatchObject({
      code: 'REPLICA_NODE_CRASHED',
      driverError: { nodes: crashed, cause: { message: expect.stringContaining('terminated') } },
    });
  });

  it.each([
    ['two replicas', 2],
    ['one replica', 1],
  ])('takes no other read of its connection down with it: %s', async (_, replicas) => {
    // How many reads arrive while the server recovers depends on the machine, and all of them run elsewhere.
    const from = await start({ ...(replicas === 1 ? one() : {}), retries: { minPerSecond: 1_000 } });
    for (let n = 0; n < 12; n++) await read(from, MARKED, [0]);
    for (let n = 0; n < 12; n++) await read(from, HARMLESS, [0]);
    const reading = read(from, MARKED, [30]);
    const others: Promise<unknown>[] = [];
    const failures: unknown[] = [];
    const load = setInterval(() => {
      for (let n = 0; n < 4; n++)
        others.push(read(from, HARMLESS, [0]).catch((error: unknown) => failures.push(error)));
    }, 5);
    const crashed = await killMarked(reading).finally(() => clearInterval(load));
    await Promise.all(others);
    expect(crashed).toHaveLength(replicas);
    expect(crashed).not.toContain('primary');
    expect(await codeOf(reading)).toBe('REPLICA_NODE_CRASHED');
    expect(others.length).toBeGreaterThan(20);
    // Of those that shared a connection with it nobody knows which one it was: with no other replica they end, too.
    const isSuspect = (error: unknown): boolean =>
      (error as { code?: unknown }).code === 'REPLICA_NODE_CRASHED';
    expect(failures.filter((error) => replicas > 1 || !isSuspect(error))).toEqual([]);
  });

  it('runs on one replica at most if it began on the primary', async () => {
    const from = await start();
    const reading = from.query(MARKED, [30]);
    const crashed = await killMarked(reading);
    expect(crashed[0]).toBe('primary');
    expect(crashed.filter((name) => name === 'primary')).toHaveLength(1);
    expect(crashed.length).toBeLessThanOrEqual(2);
    expect(await codeOf(reading)).not.toBe('answered');
  });

  it.each([
    ['never', false, true],
    ['by the primary', true, true],
    ['by the primary, without lanes', true, false],
  ])(
    'is not blamed for the loss of all replicas if it was answered before: %s',
    async (_, isKnown, lanes) => {
      const from = await start({ lanes });
      if (isKnown) await from.query(SLEEPS_ON_REPLICAS, ['port']);
      const reading = read(from, SLEEPS_ON_REPLICAS, ['port']);
      const outcome = codeOf(reading);
      await until(async () =>
        (await Promise.all(cluster.replicas.map((node) => sleeping(node)))).some((count) => count > 0),
      );
      await Promise.all(cluster.replicas.map((node) => node.kill()));
      try {
        expect(await outcome).toBe(isKnown ? 'answered' : 'REPLICA_NODE_CRASHED');
        if (isKnown) expect(await reading).toMatchObject([{ port: String(cluster.primary.port) }]);
      } finally {
        await Promise.all(cluster.replicas.map((node) => node.start()));
      }
    },
  );

  it('runs on the primary if only the network failed', async () => {
    const [replica] = cluster.replicas;
    const proxy = await startTcpProxy(replica as PostgresNode);
    try {
      const from = await start({ replicas: [{ name: 'replica-1', url: proxy.url }] });
      const reading = read(from, 'SELECT pg_sleep(0.3), current_setting($1) AS port', ['port']);
      await until(async () => (await sleeping(replica as PostgresNode)) > 0);
      proxy.reset();
      expect(await reading).toMatchObject([{ port: String(cluster.primary.port) }]);
    } finally {
      await proxy.close();
    }
  });
});
