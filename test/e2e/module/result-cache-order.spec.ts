import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { Controller, Get, Param, ParseIntPipe, Post } from '@nestjs/common';
import { InjectRepository } from '@nestjs/typeorm';
import { ReplicaDataSource, UseReplica } from 'nestjs-replica';
import { DataSource, Repository } from 'typeorm';
import { startApp, optionsFor } from '../../support/app/start-app.js';
import type { TestApp } from '../../support/app/test-app.js';
import { databaseOf, inDialect } from '../../support/cluster/test-database.js';
import { until } from '../../support/until.js';
import { useLedgerCluster, resumeReplay } from '../../support/cluster/use-cluster.js';
import { Account, RESULT_CACHE_TABLE } from '../../support/ledger/accounts.js';

const MINUTE_MS = 60_000;
const SHORT_MS = 50;
const TABLE = 'query-result-cache';

@Controller('accounts/:id')
class AccountController {
  constructor(@InjectRepository(Account) private readonly accounts: Repository<Account>) {}

  @Get()
  cached(@Param('id', ParseIntPipe) id: number): Promise<Account | null> {
    return this.#cached(id, MINUTE_MS);
  }

  @Get('shortly')
  cachedShortly(@Param('id', ParseIntPipe) id: number): Promise<Account | null> {
    return this.#cached(id, SHORT_MS);
  }

  @Get('live')
  live(@Param('id', ParseIntPipe) id: number): Promise<Account | null> {
    return this.accounts.findOneBy({ id });
  }

  @Get('cached-then-live')
  async cachedThenLive(@Param('id', ParseIntPipe) id: number): Promise<(number | undefined)[]> {
    const cached = await this.#cached(id, MINUTE_MS);
    const live = await this.accounts.findOneBy({ id });
    return [cached?.balance, live?.balance];
  }

  @Get('live-then-cached')
  async liveThenCached(@Param('id', ParseIntPipe) id: number): Promise<(number | undefined)[]> {
    const live = await this.accounts.findOneBy({ id });
    const cached = await this.#cached(id, MINUTE_MS);
    return [live?.balance, cached?.balance];
  }

  @Get('eventual')
  @UseReplica({ consistency: 'eventual' })
  eventual(@Param('id', ParseIntPipe) id: number): Promise<Account | null> {
    return this.#cached(id, MINUTE_MS);
  }

  @Post('add')
  add(@Param('id', ParseIntPipe) id: number): Promise<unknown> {
    return this.accounts.increment({ id }, 'balance', 1);
  }

  @Post('add-and-read-twice')
  @UseReplica()
  async addAndReadTwice(@Param('id', ParseIntPipe) id: number): Promise<(number | undefined)[]> {
    await this.accounts.increment({ id }, 'balance', 1);
    const first = await this.#cached(id, MINUTE_MS);
    const second = await this.#cached(id, MINUTE_MS);
    return [first?.balance, second?.balance];
  }

  #cached(id: number, durationMs: number): Promise<Account | null> {
    return this.accounts.findOne({ where: { id }, cache: { id: `account-${id}`, milliseconds: durationMs } });
  }
}

const cluster = useLedgerCluster({ sql: RESULT_CACHE_TABLE });

describe("the order of what TypeORM's result cache shows", () => {
  let app: TestApp;
  let id = 0;
  let sessions = 0;

  beforeEach(async () => {
    id++;
    app = await startApp(cluster, [AccountController], { cache: true });
  });

  afterEach(async () => {
    await resumeReplay(cluster);
    await cluster.waitForCatchUp();
    await app.close();
  });

  const path = (rest = ''): string => `/accounts/${id}${rest}`;

  /** A session whose home is this replica, and which has read there. */
  async function sessionOn(replica: string): Promise<string> {
    for (;;) {
      const session = `session-${++sessions}`;
      if ((await app.get(path('/live'), session)).nodes[0] === replica) return session;
    }
  }

  /** `replica-2` stays behind a write that nobody of the application made; `replica-1` shows it. */
  async function writeUnseenByTheSecond(): Promise<void> {
    await cluster.replicas[1]?.pauseReplay();
    await cluster.primary.query(inDialect('UPDATE account SET balance = balance + 1 WHERE id = $1'), [id]);
    await until(async () => {
      const rows = await cluster.replicas[0]?.query(inDialect('SELECT balance FROM account WHERE id = $1'), [
        id,
      ]);
      return rows?.[0]?.balance === 1;
    });
  }

  it('keeps the newer answer when a lagging replica gives an older one', async () => {
    const [ahead, behind] = [await sessionOn('replica-1'), await sessionOn('replica-2')];
    await writeUnseenByTheSecond();
    expect((await app.get(path('/shortly'), ahead)).body.balance).toBe(1);
    const rows = await cluster.primary.query(inDialect(`SELECT * FROM "${TABLE}" WHERE identifier = $1`), [
      `account-${id}`,
    ]);
    await until(() => Date.now() > Number(rows[0]?.time) + SHORT_MS);
    expect(await app.get(path('/shortly'), behind)).toMatchObject({
      body: { balance: 0 },
      nodes: ['replica-2'],
    });
    const [entry] = await cluster.primary.query(
      inDialect(`SELECT result FROM "${TABLE}" WHERE identifier = $1`),
      [`account-${id}`],
    );
    expect(JSON.parse(String(entry?.result))).toEqual([expect.objectContaining({ Account_balance: 1 })]);
    expect((await app.get(path('/shortly'), ahead)).body.balance).toBe(1);
  });

  it('shows no session less than a node has shown it before', async () => {
    const [ahead, behind] = [await sessionOn('replica-1'), await sessionOn('replica-2')];
    await writeUnseenByTheSecond();
    expect((await app.get(path(), behind)).body.balance).toBe(0);
    expect((await app.get(path('/live'), ahead)).body.balance).toBe(1);
    expect((await app.get(path(), ahead)).body.balance).toBe(1);
  });

  it('shows no request without a session less than a node has shown it before', async () => {
    const behind = await sessionOn('replica-2');
    await writeUnseenByTheSecond();
    for (let round = 0; round < 10; round++) {
      await cluster.primary.query(inDialect(`DELETE FROM "${TABLE}"`));
      expect((await app.get(path(), behind)).body.balance).toBe(0);
      const [live, cached] = (await app.get(path('/live-then-cached'))).body as [number, number];
      expect(cached).toBeGreaterThanOrEqual(live);
    }
  });

  it('shows nothing older than a cached answer afterwards', async () => {
    const [ahead, behind] = [await sessionOn('replica-1'), await sessionOn('replica-2')];
    const others = await Promise.all([sessionOn('replica-2'), sessionOn('replica-2')]);
    await writeUnseenByTheSecond();
    expect((await app.get(path(), ahead)).body.balance).toBe(1);
    for (const session of [behind, ...others]) {
      const [cached, live] = (await app.get(path('/cached-then-live'), session)).body as [number, number];
      expect(live).toBeGreaterThanOrEqual(cached);
      expect((await app.get(path('/live'), session)).body.balance).toBeGreaterThanOrEqual(live);
    }
    expect((await app.get(path('/cached-then-live'))).body).toEqual([1, 1]);
  });

  it('answers a session that was shown nothing newer', async () => {
    const session = `session-${++sessions}`;
    expect((await app.get(path(), session)).nodes).toEqual([expect.stringMatching(/^replica-/)]);
    expect((await app.get(path(), session)).nodes).toEqual([]);
    expect((await app.get(path(), session)).nodes).toEqual([]);
  });

  it('answers a session that has written, once an answer has its write', async () => {
    const writer = `session-${++sessions}`;
    expect((await app.get(path(), 'another')).body.balance).toBe(0);
    await app.post(path('/add'), writer);
    expect((await app.get(path(), writer)).body.balance).toBe(1);
    await until(async () => {
      const { body, nodes } = await app.get(path(), writer);
      expect(body.balance).toBe(1);
      return nodes.length === 0;
    });
  });

  it('answers a request that has written, once an answer has its write', async () => {
    const answer = await app.post(path('/add-and-read-twice'), `session-${++sessions}`);
    expect(answer.body).toEqual([1, 1]);
    const statements: string[] = [];
    const stop = app.router.on('statement', ({ kind, reason }) => {
      if (reason !== 'no-context' && kind === 'read') statements.push(reason);
    });
    await app.post(path('/add-and-read-twice'), `session-${++sessions}`);
    stop();
    expect(statements).toHaveLength(1);
  });

  it('shows a request without a session what another one has written, unless it may be older', async () => {
    expect((await app.get(path())).body.balance).toBe(0);
    await app.post(path('/add'));
    expect(await app.get(path('/eventual'))).toMatchObject({ body: { balance: 0 }, nodes: [] });
    expect((await app.get(path())).nodes).not.toEqual([]);
    await cluster.waitForCatchUp();
    await until(async () => {
      const { body, nodes } = await app.get(path());
      return body.balance === 1 && nodes.length === 0;
    }, 'the new answer, from the cache');
    await app.post(`/accounts/${id + 50}/add`);
    expect((await app.get(path())).nodes).not.toEqual([]);
  });

  it('shares its table with plain TypeORM', async () => {
    const plain = await new DataSource({
      type: databaseOf(cluster) as 'postgres',
      url: cluster.primary.url,
      entities: optionsFor(cluster).entities,
      cache: true,
    }).initialize();
    try {
      const readPlain = (): Promise<Account | null> =>
        plain
          .getRepository(Account)
          .findOne({ where: { id }, cache: { id: `account-${id}`, milliseconds: MINUTE_MS } });
      expect((await app.get(path())).body.balance).toBe(0);
      await cluster.primary.query(inDialect('UPDATE account SET balance = 5 WHERE id = $1'), [id]);
      expect(await readPlain()).toMatchObject({ balance: 0 });
      await plain.queryResultCache?.clear();
      expect(await readPlain()).toMatchObject({ balance: 5 });
      await cluster.waitForCatchUp();
      expect((await app.get(path())).body.balance).toBe(5);
      expect((await app.get(path('/eventual'))).body.balance).toBe(5);
      expect(await readPlain()).toMatchObject({ balance: 5 });
    } finally {
      await plain.destroy();
    }
  });

  it("is cleared by TypeORM's command line", async () => {
    await app.get(path());
    const dataSource = new ReplicaDataSource({
      type: databaseOf(cluster) as 'postgres',
      primary: { url: cluster.primary.url },
      replicas: cluster.replicas.map(({ url }) => ({ url })),
      cache: true,
    });
    dataSource.setOptions({ subscribers: [], synchronize: false, logging: ['schema'] });
    await dataSource.initialize();
    await dataSource.queryResultCache?.clear();
    await dataSource.destroy();
    // A mark, which answers nobody.
    expect(await cluster.primary.query(inDialect(`SELECT identifier FROM "${TABLE}"`))).toEqual([
      { identifier: 'nestjs-replica:cleared' },
    ]);
  });
});
