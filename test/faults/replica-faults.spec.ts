import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { Controller, Get, Param, ParseIntPipe, Post } from '@nestjs/common';
import { InjectRepository } from '@nestjs/typeorm';
import { NodeUnavailableError, ReplicaDataSource } from 'nestjs-replica';
import { startPostgresCluster, type PostgresCluster } from 'nestjs-replica/testing';
import { DataSource, Repository } from 'typeorm';
import { Account, Entry } from '../support/accounts.js';
import { type Answer, optionsFor, startApp, type TestApp, until } from '../support/test-app.js';

@Controller('accounts')
class AccountController {
  constructor(
    @InjectRepository(Account) private readonly accounts: Repository<Account>,
    private readonly dataSource: DataSource,
  ) {}

  @Get('slow/:ms')
  slow(@Param('ms', ParseIntPipe) ms: number): Promise<unknown> {
    return this.dataSource.query('SELECT count(*)::int AS n, pg_sleep($1::float / 1000) FROM account', [ms]);
  }

  @Get(':id')
  one(@Param('id', ParseIntPipe) id: number): Promise<Account | null> {
    return this.accounts.findOneBy({ id });
  }

  @Post(':id/add')
  async add(@Param('id', ParseIntPipe) id: number): Promise<void> {
    await this.accounts.increment({ id }, 'balance', 1);
  }
}

const REPLICA = /^replica-[12]$/;

describe('faults of replicas', () => {
  let cluster: PostgresCluster;
  let app: TestApp | undefined;

  beforeEach(async () => {
    cluster = await startPostgresCluster({ replicas: 2, settings: { max_standby_streaming_delay: '100ms' } });
    await cluster.primary.query(
      `CREATE TABLE account (id serial PRIMARY KEY, owner varchar NOT NULL, balance int NOT NULL DEFAULT 0)`,
    );
    await cluster.primary.query(
      `INSERT INTO account (owner) SELECT 'owner-' || n FROM generate_series(1, 100) n`,
    );
    await cluster.waitForCatchUp();
  });

  afterEach(async () => {
    await app?.close();
    app = undefined;
    await cluster.stop();
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
    const { nest } = (app = await startWithoutWaiting());
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
    app = await startWithoutWaiting();
    expect(await app.get('/accounts/1')).toMatchObject({ status: 200, nodes: ['primary'] });
    await Promise.all(cluster.replicas.map((node) => node.resume()));
    await app.getUntil('/accounts/1', undefined, ({ nodes }) => REPLICA.test(nodes[0] ?? ''));
  });

  async function startWithoutWaiting(): Promise<TestApp> {
    const { Test } = await import('@nestjs/testing');
    const { ReplicaModule } = await import('nestjs-replica');
    const { TypeOrmModule } = await import('@nestjs/typeorm');
    const { TestApp: App } = await import('../support/test-app.js');
    const module = await Test.createTestingModule({
      imports: [ReplicaModule.forRoot(optionsFor(cluster)), TypeOrmModule.forFeature([Account, Entry])],
      controllers: [AccountController],
    }).compile();
    const nest = module.createNestApplication();
    await nest.listen(0, '127.0.0.1');
    return new App(nest);
  }

  it('says which node is down when it is the primary, and no password', async () => {
    await cluster.primary.stop();
    const { session: _, setHeaders: __, retryAttempts: ___, ...options } = optionsFor(cluster);
    const source = new ReplicaDataSource(options);
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

  it('says so when the password of the primary is wrong, without it', async () => {
    const wrong = cluster.primary.url.replace(cluster.primary.password, 'n0t-the-s3cret');
    const source = new ReplicaDataSource({
      type: 'postgres',
      primary: { url: wrong },
      replicas: [{ url: cluster.replicas[0]?.url }],
    });
    const starting = source.initialize();
    await expect(starting).rejects.toMatchObject({ node: 'primary', reasonCode: '28P01' });
    await expect(starting).rejects.not.toThrow('n0t-the-s3cret');
  });

  it('fails no read when a replica is killed under load, and uses it again when it is back', async () => {
    app = await startApp(cluster, [AccountController]);
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
    app = await startApp(cluster, [AccountController], { monitor: { intervalMs: 100, probeTimeoutMs: 300 } });
    const load = readers(16, () => '/accounts/slow/50');
    await until(() => statusOf('replica-2') === 'up');
    await until(() => load.answers.length > 50, 'load');
    await cluster.replicas[1]?.hang();
    await until(() => statusOf('replica-2') === 'down', 'the monitor noticing');
    await cluster.replicas[1]?.resume();
    await until(() => statusOf('replica-2') === 'up', 'the return of the replica');
    const answers = await load.stop();
    expect(answers.filter(({ status }) => status !== 200)).toEqual([]);
  });

  it('runs a read elsewhere that conflicts with recovery, and ejects nobody', async () => {
    app = await startApp(cluster, [AccountController]);
    const errors: (string | undefined)[] = [];
    app.router.on(
      'statement',
      ({ node, errorCode }) => errorCode !== undefined && errors.push(`${node} ${errorCode}`),
    );
    const reading = app.get('/accounts/slow/3000');
    await until(async () => (await runningSleeps()) > 0, 'the slow read');
    // A replica that replays this lock must cancel whoever reads the table.
    await cluster.primary.query('ALTER TABLE account ADD COLUMN extra int');
    const answer = await reading;
    expect(answer).toMatchObject({ status: 200, body: [{ n: 100 }] });
    expect(errors).toEqual([expect.stringMatching(/^replica-[12] 40001$/), ...errors.slice(1)]);
    expect([statusOf('replica-1'), statusOf('replica-2')]).toEqual(['up', 'up']);
  });

  async function runningSleeps(): Promise<number> {
    const counts = await Promise.all(
      cluster.replicas.map((node) =>
        node.query<{ n: number }>(
          `SELECT count(*)::int AS n FROM pg_stat_activity WHERE query LIKE '%pg_sleep($1%' AND state = 'active' AND pid <> pg_backend_pid()`,
        ),
      ),
    );
    return counts.reduce((sum, rows) => sum + (rows[0]?.n ?? 0), 0);
  }

  it('goes on with reads on the primary while all replicas are down, and returns to them', async () => {
    app = await startApp(cluster, [AccountController]);
    const load = readers(8, () => '/accounts/2');
    await Promise.all(cluster.replicas.map((node) => node.kill()));
    await until(() => statusOf('replica-1') === 'down' && statusOf('replica-2') === 'down');
    expect((await app.get('/accounts/2')).nodes).toEqual(['primary']);
    await Promise.all(cluster.replicas.map((node) => node.start()));
    await app.getUntil('/accounts/2', undefined, ({ nodes }) => REPLICA.test(nodes[0] ?? ''));
    const answers = await load.stop();
    expect(answers.filter(({ status }) => status !== 200)).toEqual([]);
  });

  it('fails reads instead where the options say so', async () => {
    app = await startApp(cluster, [AccountController], { fallback: 'error' });
    await Promise.all(cluster.replicas.map((node) => node.kill()));
    await until(() => statusOf('replica-1') === 'down' && statusOf('replica-2') === 'down');
    expect((await app.get('/accounts/2')).status).toBe(500);
    expect((await app.post('/accounts/2/add')).status).toBe(201);
  });

  it('keeps a session on the primary when the position of its write cannot be learned', async () => {
    app = await startApp(cluster, [AccountController]);
    // Positions are captured on the monitor's connection: it is cut while the writes run.
    const ending = endMonitor();
    const writes = await Promise.all(
      Array.from({ length: 20 }, (_, index) => (app as TestApp).post('/accounts/3/add', `unsure-${index}`)),
    );
    await ending;
    expect(writes.map(({ status }) => status)).toEqual(Array(20).fill(201));
    await Promise.all(cluster.replicas.map((node) => node.pauseReplay()));
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
