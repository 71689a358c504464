import { afterEach, describe, expect, it } from '@jest/globals';
import { NodeUnavailableError, ReplicaDataSource } from 'nestjs-replica';
import type { ClusterOptions } from 'nestjs-replica/testing';
import { launch, accountsOn, startLedger } from '../support/app/start-app.js';
import { sourceOptions } from '../support/app/start-source.js';
import type { TestApp, Answer } from '../support/app/test-app.js';
import { forDatabase, onPostgres, TEST_DATABASE } from '../support/cluster/test-database.js';
import { until } from '../support/until.js';
import { useLedgerCluster, pauseReplay, heal } from '../support/cluster/use-cluster.js';
import { LedgerController } from '../support/ledger/ledger.controller.js';

const REPLICA = /^replica-[12]$/;

const cluster = useLedgerCluster({
  settings: forDatabase<ClusterOptions['settings']>({
    postgres: { max_standby_streaming_delay: '100ms' },
    mariadb: {},
  }),
});
const WRONG_PASSWORD = forDatabase({ postgres: '28P01', mariadb: 'ER_ACCESS_DENIED_ERROR' });

describe('an application whose nodes fail', () => {
  let app: TestApp | undefined;

  afterEach(async () => {
    await app?.close();
    app = undefined;
    await heal(cluster);
  });

  const statusOf = (name: string): string | undefined =>
    app?.router.topology().replicas.find((node) => node.name === name)?.health;

  /** Reads without a break until told to stop; gives all answers. */
  function readers(
    count: number,
    path: () => string,
  ): { answers: readonly Answer[]; stop: () => Promise<readonly Answer[]> } {
    const answers: Answer[] = [];
    const stopping = new AbortController();
    const loops = Array.from({ length: count }, async (_, index) => {
      while (!stopping.signal.aborted) answers.push(await (app as TestApp).get(path(), `reader-${index}`));
    });
    return {
      answers,
      stop: async () => {
        stopping.abort();
        await Promise.all(loops);
        return answers;
      },
    };
  }

  it('starts at once with both replicas down, and uses them when they come up', async () => {
    await Promise.all(cluster.replicas.map((node) => node.stop()));
    const { nest } = (app = await launch({ imports: accountsOn(cluster), controllers: [LedgerController] }));
    expect(nest).toBeDefined();
    expect(await app.get('/accounts/1')).toMatchObject({
      status: 200,
      nodes: ['primary'],
      reasons: ['no-eligible-replica'],
    });
    await Promise.all(cluster.replicas.map((node) => node.start()));
    const answer = await app.getUntil('/accounts/1', undefined, ({ nodes }) => REPLICA.test(nodes[0] ?? ''));
    expect(answer).toMatchObject({ status: 200, body: { id: 1 } });
  });

  it('starts at once with both replicas hung', async () => {
    await Promise.all(cluster.replicas.map((node) => node.hang()));
    app = await launch({ imports: accountsOn(cluster), controllers: [LedgerController] });
    expect(await app.get('/accounts/1')).toMatchObject({ status: 200, nodes: ['primary'] });
    await Promise.all(cluster.replicas.map((node) => node.resume()));
    await app.getUntil('/accounts/1', undefined, ({ nodes }) => REPLICA.test(nodes[0] ?? ''));
  });

  it('names the primary as the node that is down, without its password', async () => {
    await cluster.primary.stop();
    const source = new ReplicaDataSource(sourceOptions(cluster));
    const error = await source.initialize().then(
      () => undefined,
      (reason: unknown) => reason,
    );
    expect(error).toBeInstanceOf(NodeUnavailableError);
    expect(error).toMatchObject({
      node: 'primary',
      code: 'REPLICA_NODE_UNAVAILABLE',
      reasonCode: 'ECONNREFUSED',
    });
    expect(String(error)).toContain(`primary (127.0.0.1:${cluster.primary.port}) is not available`);
    expect(JSON.stringify(error) + String(error)).not.toContain(cluster.primary.password);
    expect(source.isInitialized).toBe(false);
  });

  it('says that the password of the primary is wrong, without repeating it', async () => {
    const wrong = cluster.primary.url.replace(cluster.primary.password, 'n0t-the-s3cret');
    const source = new ReplicaDataSource({
      type: TEST_DATABASE as 'postgres',
      primary: { url: wrong },
      replicas: [{ url: cluster.replicas[0]?.url }],
    });
    const starting = source.initialize();
    await expect(starting).rejects.toMatchObject({ node: 'primary', reasonCode: WRONG_PASSWORD });
    await expect(starting).rejects.not.toThrow('n0t-the-s3cret');
  });

  it('fails no read when a replica is killed under load, and uses it again when it is back', async () => {
    app = await startLedger(cluster);
    const load = readers(16, () => `/accounts/${1 + Math.floor(Math.random() * 100)}`);
    await until(() => statusOf('replica-1') === 'up');
    await until(() => load.answers.length > 50, 'load');
    await cluster.replicas[0]?.kill();
    await until(() => statusOf('replica-1') === 'down', 'the monitor noticing');
    const whenDown = load.answers.length;
    await until(() => load.answers.length > whenDown + 50, 'load without the replica');
    await cluster.replicas[0]?.start();
    await until(() => statusOf('replica-1') === 'up', 'the return of the replica');
    const answers = await load.stop();
    expect(answers.filter(({ status }) => status !== 200)).toEqual([]);
    const session = await sessionAt('replica-1');
    expect((await app.get('/accounts/1', session)).nodes).toEqual(['replica-1']);
  });

  /** A session that is tied to the replica. */
  async function sessionAt(name: string): Promise<string> {
    for (let index = 0; ; index++) {
      const { nodes } = await (app as TestApp).get('/accounts/1', `probe-${index}`);
      if (nodes[0] === name) return `probe-${index}`;
      if (index > 200) throw new Error(`no session is tied to ${name}`);
    }
  }

  it('fails no read when a replica hangs with reads under way', async () => {
    app = await startLedger(cluster, { monitor: { intervalMs: 100, probeTimeoutMs: 300 } });
    const load = readers(16, () => '/accounts/1/slow/50');
    await until(() => statusOf('replica-2') === 'up');
    await until(() => load.answers.length > 50, 'load');
    await cluster.replicas[1]?.hang();
    await until(() => statusOf('replica-2') === 'down', 'the monitor noticing');
    await cluster.replicas[1]?.resume();
    await until(() => statusOf('replica-2') === 'up', 'the return of the replica');
    const answers = await load.stop();
    expect(answers.filter(({ status }) => status !== 200)).toEqual([]);
  });

  // On MariaDB, replication waits for reads.
  onPostgres(() => {
    it('repeats a read elsewhere that conflicts with recovery, and ejects no replica', async () => {
      app = await startLedger(cluster);
      const errors: (string | undefined)[] = [];
      app.router.on(
        'statement',
        ({ node, errorCode }) => errorCode !== undefined && errors.push(`${node} ${errorCode}`),
      );
      const reading = app.get('/accounts/1/slow/3000');
      await until(async () => (await runningSleeps()) > 0, 'the slow read');
      // A replica that replays this lock must cancel whoever reads the table.
      await cluster.primary.query('ALTER TABLE account ADD COLUMN extra int');
      const answer = await reading;
      expect(answer).toMatchObject({ status: 200, body: { id: 1 } });
      expect(errors).toEqual([expect.stringMatching(/^replica-[12] 40001$/), ...errors.slice(1)]);
      expect([statusOf('replica-1'), statusOf('replica-2')]).toEqual(['up', 'up']);
    });

    async function runningSleeps(): Promise<number> {
      const counts = await Promise.all(
        cluster.replicas.map((node) =>
          node.query<{ n: number }>(
            `SELECT count(*)::int AS n FROM pg_stat_activity WHERE query LIKE '%pg_sleep(%' AND state = 'active' AND pid <> pg_backend_pid()`,
          ),
        ),
      );
      return counts.reduce((sum, rows) => sum + (rows[0]?.n ?? 0), 0);
    }
  });

  it('goes on with reads on the primary while all replicas are down, and returns to them', async () => {
    app = await startLedger(cluster);
    const load = readers(8, () => '/accounts/2');
    await Promise.all(cluster.replicas.map((node) => node.kill()));
    await until(() => statusOf('replica-1') === 'down' && statusOf('replica-2') === 'down');
    expect((await app.get('/accounts/2')).nodes).toEqual(['primary']);
    await Promise.all(cluster.replicas.map((node) => node.start()));
    await app.getUntil('/accounts/2', undefined, ({ nodes }) => REPLICA.test(nodes[0] ?? ''));
    const answers = await load.stop();
    expect(answers.filter(({ status }) => status !== 200)).toEqual([]);
  });

  it('fails reads instead if the options say so', async () => {
    app = await startLedger(cluster, { fallback: 'error' });
    await Promise.all(cluster.replicas.map((node) => node.kill()));
    await until(() => statusOf('replica-1') === 'down' && statusOf('replica-2') === 'down');
    expect((await app.get('/accounts/2')).status).toBe(500);
    expect((await app.post('/accounts/2/add')).status).toBe(201);
  });

  // On MariaDB, each write brings its position.
  onPostgres(() => {
    it('keeps a session on the primary when the position of its write cannot be learned', async () => {
      app = await startLedger(cluster);
      // Positions are captured on the monitor's connection: it is cut while the writes run.
      const ending = endMonitor();
      const writes = await Promise.all(
        Array.from({ length: 20 }, (_, index) => (app as TestApp).post('/accounts/3/add', `unsure-${index}`)),
      );
      await ending;
      expect(writes.map(({ status }) => status)).toEqual(Array(20).fill(201));
      await pauseReplay(cluster);
      const balances = await Promise.all(
        writes.map(
          async (_, index) =>
            (await (app as TestApp).get('/accounts/3', `unsure-${index}`)).body.balance as number,
        ),
      );
      for (const balance of balances) expect(balance).toBe(20);
    });

    async function endMonitor(): Promise<void> {
      await cluster.primary.query(
        `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'nestjs-replica monitor'`,
      );
    }
  });
});
