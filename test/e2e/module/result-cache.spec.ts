import { afterEach, describe, expect, it } from '@jest/globals';
import { Controller, Get, Param, ParseIntPipe, Patch, Post } from '@nestjs/common';
import { fromHeader, type ReplicaModuleOptions, UseReplica } from 'nestjs-replica';
import { startApp } from '../../support/app/start-app.js';
import type { TestApp } from '../../support/app/test-app.js';
import { REPLICA } from '../../support/app/routes.js';
import { forDatabase, inDialect } from '../../support/cluster/test-database.js';
import { until } from '../../support/until.js';
import { useLedgerCluster, whilePaused } from '../../support/cluster/use-cluster.js';
import { Account, RESULT_CACHE_TABLE } from '../../support/ledger/accounts.js';
import { LedgerController } from '../../support/ledger/ledger.controller.js';

const MINUTE_MS = 60_000;

/** An expression that takes so many seconds. */
const sleep = forDatabase({
  postgres: (seconds: number) => `pg_sleep(${seconds})::text`,
  mariadb: (seconds: number) => `SLEEP(${seconds})`,
});
/** Takes a while, and fails. */
const FAILING_EXPRESSION = forDatabase({
  postgres: '(1 / (id - id) + length(pg_sleep(0.1)::text))::text',
  mariadb: '(SELECT SLEEP(0.1) UNION SELECT 2)',
});

@Controller()
class CachedController extends LedgerController {
  @Get('accounts/:id/plain')
  plain(@Param('id', ParseIntPipe) id: number): Promise<Account | null> {
    return this.accounts.findOneBy({ id });
  }

  @Get('accounts/:id/bounded-shortly')
  @UseReplica({ maxStalenessMs: 1_500 })
  boundedShortly(@Param('id', ParseIntPipe) id: number): Promise<Account | null> {
    return this.find(id);
  }

  @Get('accounts/:id/strictly-bounded')
  @UseReplica({ maxStalenessMs: 100 })
  strictlyBounded(@Param('id', ParseIntPipe) id: number): Promise<Account | null> {
    return this.find(id);
  }

  @Patch('accounts/:id/decision')
  decision(@Param('id', ParseIntPipe) id: number): Promise<Account | null> {
    return this.find(id);
  }

  @Get('accounts/:id/snapshot')
  snapshot(@Param('id', ParseIntPipe) id: number): Promise<Account | null> {
    return this.router.readOnlyTransaction({}, (manager) =>
      manager.findOne(Account, { where: { id }, cache: MINUTE_MS }),
    );
  }

  @Get('accounts/:id/slowly')
  @UseReplica({ maxStalenessMs: 1_500 })
  slowly(@Param('id', ParseIntPipe) id: number): Promise<unknown> {
    return this.accounts
      .createQueryBuilder('account')
      .select('account.balance', 'balance')
      .addSelect(sleep(0.7), 'slept')
      .where({ id })
      .cache(MINUTE_MS)
      .getRawOne();
  }

  @Get('accounts/:id/removed')
  @UseReplica({ consistency: 'eventual' })
  removable(@Param('id', ParseIntPipe) id: number): Promise<Account | null> {
    return this.accounts.findOne({
      where: { id },
      cache: { id: `removable-${id}`, milliseconds: MINUTE_MS },
    });
  }

  @Post('accounts/:id/removed')
  async remove(@Param('id', ParseIntPipe) id: number): Promise<void> {
    await this.accounts.increment({ id }, 'balance', 1);
    await this.dataSource.queryResultCache?.remove([`removable-${id}`]);
  }

  @Get('accounts/:id/waiting')
  waiting(@Param('id', ParseIntPipe) id: number): Promise<unknown> {
    return this.#cachedWith(sleep(0.3), id);
  }

  @Get('accounts/:id/failing')
  failing(@Param('id', ParseIntPipe) id: number): Promise<unknown> {
    return this.#cachedWith(FAILING_EXPRESSION, id);
  }

  #cachedWith(expression: string, id: number): Promise<unknown> {
    return this.accounts
      .createQueryBuilder('account')
      .select('account.balance', 'balance')
      .addSelect(expression, 'extra')
      .where({ id })
      .cache(MINUTE_MS)
      .getRawOne();
  }

  /** Keeps in the cache what its snapshot shows, which is older than the write. */
  @Post('accounts/:id/old-snapshot')
  oldSnapshot(@Param('id', ParseIntPipe) id: number): Promise<unknown> {
    return this.dataSource.transaction('REPEATABLE READ', async (manager) => {
      await manager.count(Account);
      await this.accounts.increment({ id }, 'balance', 1);
      return manager.findOne(Account, { where: { id }, cache: MINUTE_MS });
    });
  }

  @Patch('accounts/:id/save')
  @UseReplica({ consistency: 'eventual' })
  async save(@Param('id', ParseIntPipe) id: number): Promise<Account> {
    const account = await this.accounts.findOneOrFail({ where: { id }, cache: false });
    account.balance = 0;
    return this.accounts.save(account);
  }

  @Post('accounts/:id/transaction-and-read')
  @UseReplica()
  async transactionAndRead(@Param('id', ParseIntPipe) id: number): Promise<Account | null> {
    await this.dataSource.transaction(async (manager) => {
      await manager.findOne(Account, { where: { id }, cache: MINUTE_MS });
      await manager.increment(Account, { id }, 'balance', 1);
    });
    return this.accounts.findOneBy({ id });
  }

  @Post('accounts/:id/read-and-rolled-back')
  async readAndRolledBack(@Param('id', ParseIntPipe) id: number): Promise<void> {
    const undo = new Error('never mind');
    await this.dataSource
      .transaction(async (manager) => {
        await manager.increment(Account, { id }, 'balance', 1);
        await manager.findOne(Account, { where: { id }, cache: MINUTE_MS });
        throw undo;
      })
      .catch((error: unknown) => {
        if (error !== undo) throw error;
      });
  }

  protected override find(id: number): Promise<Account | null> {
    return this.accounts.findOne({ where: { id }, cache: MINUTE_MS });
  }
}

const cluster = useLedgerCluster({ sql: RESULT_CACHE_TABLE });

/** As somebody else than the application. */
async function setBalance(balance: number, id: number): Promise<void> {
  await cluster.primary.query(inDialect('UPDATE account SET balance = $1 WHERE id = $2'), [balance, id]);
}

describe("TypeORM's result cache", () => {
  let app: TestApp;
  let lastId = 0;

  afterEach(async () => {
    await app.close();
  });

  async function start(changes: Partial<ReplicaModuleOptions> = {}): Promise<void> {
    app = await startApp(cluster, [CachedController], { cache: true, ...changes });
  }

  /** An account of its own for each test, whose balance 0 is in the cache while the database has 1. */
  async function cacheOldAnswer(session = 'another'): Promise<string> {
    const path = `/accounts/${++lastId}`;
    expect((await app.get(path, session)).body.balance).toBe(0);
    await setBalance(1, lastId);
    return path;
  }

  it('answers sessions that have written nothing, without asking for the data', async () => {
    await start();
    const path = await cacheOldAnswer();
    expect(await app.get(path, 'reader')).toMatchObject({ body: { balance: 0 }, nodes: [] });
    expect(await app.get(path)).toMatchObject({ body: { balance: 0 }, nodes: [] });
    expect((await app.get(`${path}/eventual`)).body.balance).toBe(0);
  });

  it('does not give the old answer to the session that wrote, and does to others', async () => {
    await start();
    const path = await cacheOldAnswer();
    await whilePaused(cluster, async () => {
      await app.post(`${path}/add`, 'writer');
      expect(await app.get(path, 'writer')).toMatchObject({ body: { balance: 2 }, nodes: ['primary'] });
    });
    const replayed = await app.getUntil(path, 'writer', ({ nodes }) => nodes[0] !== 'primary');
    expect(replayed).toMatchObject({ body: { balance: 2 }, nodes: [REPLICA], reasons: ['session-replayed'] });
  });

  it('does not give it to a later read of the request that wrote', async () => {
    await start();
    const path = await cacheOldAnswer();
    expect((await app.post(`${path}/add-and-read`, 'own')).body.balance).toBe(2);
  });

  it('never answers what is forced to the primary, or decides on a write', async () => {
    await start();
    const path = await cacheOldAnswer();
    expect(await app.get(`${path}/forced`)).toMatchObject({
      body: { balance: 1 },
      nodes: ['primary'],
      reasons: ['forced-primary'],
    });
    const old = await cacheOldAnswer();
    expect(await app.call('patch', `${old}/decision`)).toMatchObject({
      body: { balance: 1 },
      reasons: ['unsafe-method'],
    });
  });

  it('binds nobody to the primary by what it stores', async () => {
    await start();
    await whilePaused(cluster, async () => {
      const path = `/accounts/${++lastId}`;
      expect(await app.get(path, 'stores')).toMatchObject({ nodes: [REPLICA], reasons: ['session-free'] });
      expect(await app.get(`${path}/plain`, 'stores')).toMatchObject({
        nodes: [REPLICA],
        reasons: ['session-free'],
      });
    });
  });

  it('hides no write of a transaction that used it before', async () => {
    await start();
    await whilePaused(cluster, async () => {
      const path = `/accounts/${++lastId}`;
      const answer = await app.post(`${path}/transaction-and-read`, 'in-transaction');
      expect(answer).toMatchObject({ body: { balance: 1 }, nodes: ['primary'] });
      expect((await app.get(`${path}/plain`, 'in-transaction')).body.balance).toBe(1);
    });
  });

  it('keeps nothing of a transaction that was rolled back', async () => {
    await start();
    const path = `/accounts/${++lastId}`;
    await app.post(`${path}/read-and-rolled-back`, 'undoes');
    expect((await app.get(path, 'reader')).body.balance).toBe(0);
  });

  it('keeps nothing of an old snapshot', async () => {
    await start();
    const path = `/accounts/${++lastId}`;
    expect((await app.post(`${path}/old-snapshot`)).body.balance).toBe(0);
    await cluster.waitForCatchUp();
    expect((await app.get(`${path}/eventual`)).body.balance).toBe(1);
  });

  it('does not break into the one snapshot of a read-only transaction', async () => {
    await start();
    const path = await cacheOldAnswer();
    await cluster.waitForCatchUp();
    expect(await app.get(`${path}/snapshot`)).toMatchObject({ body: { balance: 1 }, nodes: [REPLICA] });
  });

  it('keeps one answer for each query, however often it was skipped', async () => {
    await start();
    const path = `/accounts/${++lastId}`;
    await app.get(path, 'another');
    for (let round = 0; round < 5; round++) {
      await app.post(`${path}/add`, 'writer');
      expect((await app.get(path, 'writer')).body.balance).toBe(round + 1);
    }
    expect((await app.get(path, 'another')).body.balance).toBe(5);
    const rows = await cluster.primary.query(
      inDialect('SELECT CAST(count(*) AS int) AS n FROM "query-result-cache" WHERE query LIKE $1'),
      [`%PARAMETERS: [${lastId}%`],
    );
    expect(rows).toEqual([{ n: 1 }]);
  });

  it('gives no answer that is older than the bound', async () => {
    await start({ maxLagMs: 1_000, session: { ttlMs: 10_000 } });
    const path = await cacheOldAnswer();
    expect((await app.get(`${path}/bounded-shortly`)).body.balance).toBe(0);
    expect((await app.get(`${path}/strictly-bounded`)).body.balance).toBe(1);
    const later = await cacheOldAnswer();
    await app.getUntil(`${later}/bounded-shortly`, undefined, ({ body }) => body.balance === 1);
  });

  it('counts the age of an answer from the start of its query', async () => {
    await start({ maxLagMs: 1_000 });
    const path = `/accounts/${++lastId}/slowly`;
    expect((await app.get(path)).nodes).toEqual([REPLICA]);
    expect((await app.get(path)).nodes).toEqual([REPLICA]);
  });

  it('counts the lag at the time an answer was stored towards its age', async () => {
    await start({ maxLagMs: 5_000 });
    await whilePaused(cluster, async () => {
      const id = ++lastId;
      await setBalance(1, id);
      const writtenMs = Date.now();
      await until(() => Date.now() - writtenMs > 1_600);
      expect((await app.get(`/accounts/${id}`, 'session')).body.balance).toBe(0);
      expect((await app.get(`/accounts/${id}/bounded-shortly`)).body.balance).toBe(1);
    });
  });

  it.each<[string, Partial<ReplicaModuleOptions>]>([
    ['its position is forgotten', { session: { key: fromHeader('x-session'), ttlMs: 1_500 } }],
    ['its time on the primary is over', { sticky: { mode: 'time', windowMs: 1_500 } }],
  ])('does not give the old answer to the session that wrote when %s', async (_, changes) => {
    await start({ maxLagMs: 1_000, ...changes });
    const path = await cacheOldAnswer();
    await app.post(`${path}/add`, 'writer');
    await app.getUntil(`${path}/plain`, 'writer', ({ reasons }) => reasons[0] === 'session-free');
    expect((await app.get(path, 'writer')).body.balance).toBe(2);
  });

  it('keeps an old answer out that is stored after remove()', async () => {
    await start();
    const path = `/accounts/${++lastId}/removed`;
    await whilePaused(cluster, async () => {
      await app.post(path);
      expect((await app.get(path)).body.balance).toBe(0);
    });
    // An answer is kept once its replica is known to have what was there at the removal.
    await until(async () => {
      const { body, nodes } = await app.get(path);
      expect(body.balance).toBe(1);
      return nodes.length === 0;
    }, 'an answer from the cache');
  });

  it('lets one of several reads fill it, and the others wait for that one', async () => {
    await start();
    const path = `/accounts/${++lastId}/waiting`;
    const answers = await Promise.all(Array.from({ length: 5 }, () => app.get(path)));
    expect(answers.map(({ body }) => body.balance)).toEqual([0, 0, 0, 0, 0]);
    expect(answers.filter(({ nodes }) => nodes.length > 0)).toHaveLength(1);
    const failed = await Promise.all(Array.from({ length: 3 }, () => app.get(`/accounts/${lastId}/failing`)));
    expect(failed.map(({ status }) => status)).toEqual([500, 500, 500]);
  });

  it('does not mislead save() if it is always enabled', async () => {
    await start({ cache: { type: 'database', alwaysEnabled: true, duration: MINUTE_MS } });
    const path = `/accounts/${++lastId}`;
    await app.call('patch', `${path}/save`);
    await setBalance(7, lastId);
    await app.call('patch', `${path}/save`);
    const rows = await cluster.primary.query(inDialect('SELECT balance FROM account WHERE id = $1'), [
      lastId,
    ]);
    expect(rows).toEqual([{ balance: 0 }]);
  });

  it('is skipped for own writes even if it is always enabled', async () => {
    await start({ cache: { type: 'database', alwaysEnabled: true, duration: MINUTE_MS } });
    const path = await cacheOldAnswer();
    await whilePaused(cluster, async () => {
      await app.post(`${path}/add`, 'writer');
      expect((await app.get(`${path}/plain`, 'writer')).body.balance).toBe(2);
    });
  });
});
