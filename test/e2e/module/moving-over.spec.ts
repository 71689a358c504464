import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import {
  Controller,
  Delete,
  type DynamicModule,
  Get,
  NotFoundException,
  Param,
  ParseIntPipe,
  Patch,
  Post,
} from '@nestjs/common';
import {
  InjectDataSource,
  InjectEntityManager,
  InjectRepository,
  TypeOrmModule,
  type TypeOrmModuleOptions,
} from '@nestjs/typeorm';
import { ReplicaModule, type ReplicaModuleOptions } from 'nestjs-replica';
import type { PostgresCluster } from 'nestjs-replica/testing';
import {
  DataSource,
  EntityManager,
  type EntitySubscriberInterface,
  EventSubscriber,
  type InsertEvent,
  Repository,
} from 'typeorm';
import { launch } from '../../support/app/start-app.js';
import type { TestApp } from '../../support/app/test-app.js';
import { useLedgerCluster, resetLedger } from '../../support/cluster/use-cluster.js';
import { Account, Entry } from '../../support/ledger/accounts.js';

@EventSubscriber()
class OwnerSubscriber implements EntitySubscriberInterface<Account> {
  listenTo(): typeof Account {
    return Account;
  }

  beforeInsert({ entity }: InsertEvent<Account>): void {
    entity.owner = entity.owner.toUpperCase();
  }
}

/** A service as it was written for TypeOrmModule: nothing in it knows of nestjs-replica. */
@Controller('accounts')
class AccountsController {
  constructor(
    @InjectRepository(Account) private readonly accounts: Repository<Account>,
    @InjectRepository(Entry) private readonly entries: Repository<Entry>,
    @InjectEntityManager() private readonly manager: EntityManager,
    @InjectDataSource() private readonly dataSource: DataSource,
  ) {}

  @Post(':owner')
  open(@Param('owner') owner: string): Promise<Account> {
    return this.accounts.save({ owner });
  }

  @Get(':id')
  one(@Param('id', ParseIntPipe) id: number): Promise<Account> {
    return this.accounts.findOneByOrFail({ id }).catch(() => {
      throw new NotFoundException();
    });
  }

  @Patch(':id/:amount')
  book(
    @Param('id', ParseIntPipe) id: number,
    @Param('amount', ParseIntPipe) amount: number,
  ): Promise<Account> {
    return this.dataSource.transaction('SERIALIZABLE', async (manager) => {
      const account = await manager.findOneOrFail(Account, {
        where: { id },
        lock: { mode: 'pessimistic_write' },
      });
      account.balance += amount;
      if (account.balance < 0) throw new NotFoundException('no credit');
      await manager.insert(Entry, { amount, account: { id } });
      return manager.save(account);
    });
  }

  @Get(':id/statement')
  async statement(@Param('id', ParseIntPipe) id: number): Promise<unknown> {
    const [entries, count] = await this.entries.findAndCount({
      where: { account: { id } },
      relations: { account: true },
      order: { id: 'ASC' },
    });
    return { entries, count };
  }

  @Get(':id/report')
  async report(@Param('id', ParseIntPipe) id: number): Promise<unknown> {
    const built = await this.manager
      .createQueryBuilder(Account, 'account')
      .leftJoin(Entry, 'entry', 'entry."accountId" = account.id')
      .select('account.owner', 'owner')
      .addSelect('COALESCE(SUM(entry.amount), 0)::int', 'sum')
      .where('account.id = :id', { id })
      .groupBy('account.owner')
      .getRawOne();
    const raw = await this.dataSource.query('SELECT balance FROM account WHERE id = $1', [id]);
    return { built, raw };
  }

  @Get(':id/stream')
  async stream(@Param('id', ParseIntPipe) id: number): Promise<unknown[]> {
    const rows: unknown[] = [];
    const stream = await this.entries.createQueryBuilder('e').where('e."accountId" = :id', { id }).stream();
    for await (const row of stream) rows.push(row);
    return rows;
  }

  @Get(':id/runner')
  async runner(@Param('id', ParseIntPipe) id: number): Promise<unknown> {
    const runner = this.dataSource.createQueryRunner();
    try {
      await runner.connect();
      await runner.startTransaction();
      await runner.manager.increment(Account, { id }, 'balance', 1_000);
      const inside = await runner.manager.findOneByOrFail(Account, { id });
      await runner.rollbackTransaction();
      return {
        inside: inside.balance,
        outside: (await runner.manager.findOneByOrFail(Account, { id })).balance,
      };
    } finally {
      await runner.release();
    }
  }

  @Delete(':id')
  async close(@Param('id', ParseIntPipe) id: number): Promise<object> {
    await this.entries.delete({ account: { id } });
    const { affected } = await this.accounts.delete({ id });
    return { affected };
  }
}

/** The options of both, word for word. */
function sameOptions(cluster: PostgresCluster): TypeOrmModuleOptions & ReplicaModuleOptions {
  return {
    type: 'postgres',
    replication: {
      master: { url: cluster.primary.url },
      slaves: cluster.replicas.map(({ host, port, username, password, database }) => ({
        host,
        port,
        username,
        password,
        database,
      })),
    },
    autoLoadEntities: true,
    synchronize: true,
    subscribers: [OwnerSubscriber],
    poolSize: 5,
    retryAttempts: 1,
    logging: false,
  };
}

const cluster = useLedgerCluster({ count: 0 });

describe.each<[string, () => DynamicModule]>([
  ['TypeOrmModule', () => TypeOrmModule.forRoot(sameOptions(cluster))],
  ['ReplicaModule', () => ReplicaModule.forRoot(sameOptions(cluster))],
])('an application on %s', (_, rootModule) => {
  let app: TestApp;

  beforeAll(async () => {
    await resetLedger(cluster, 0);
    app = await launch({
      imports: [rootModule(), TypeOrmModule.forFeature([Account, Entry])],
      controllers: [AccountsController],
    });
  });

  afterAll(async () => {
    await app?.close();
  });

  /** TypeORM's replication may show old data to anyone: the test waits for the replicas, as a user would reload. */
  const settled = (): Promise<void> => cluster.waitForCatchUp();

  it('opens, books, reads and closes an account', async () => {
    const opened = await app.http.post('/accounts/ann').expect(201);
    expect(opened.body).toEqual({ id: 1, owner: 'ANN', balance: 0 });
    await settled();
    expect((await app.http.patch('/accounts/1/50').expect(200)).body).toMatchObject({ balance: 50 });
    expect((await app.http.patch('/accounts/1/-20').expect(200)).body).toMatchObject({ balance: 30 });
    await settled();
    expect((await app.http.get('/accounts/1').expect(200)).body).toMatchObject({ owner: 'ANN', balance: 30 });
    expect((await app.http.get('/accounts/1/statement').expect(200)).body).toEqual({
      count: 2,
      entries: [
        { id: 1, amount: 50, account: expect.objectContaining({ id: 1 }) },
        { id: 2, amount: -20, account: expect.objectContaining({ id: 1 }) },
      ],
    });
    expect((await app.http.get('/accounts/1/report').expect(200)).body).toEqual({
      built: { owner: 'ANN', sum: 30 },
      raw: [{ balance: 30 }],
    });
    expect((await app.http.get('/accounts/1/stream').expect(200)).body).toHaveLength(2);
    expect((await app.http.get('/accounts/1/runner').expect(200)).body).toEqual({
      inside: 1_030,
      outside: 30,
    });
    expect((await app.http.delete('/accounts/1').expect(200)).body).toEqual({ affected: 1 });
    await settled();
    await app.http.get('/accounts/1').expect(404);
  });

  it('rolls back what fails', async () => {
    const { id } = (await app.http.post('/accounts/bob').expect(201)).body as Account;
    await app.http.patch(`/accounts/${id}/-1`).expect(404);
    await settled();
    expect((await app.http.get(`/accounts/${id}`).expect(200)).body).toMatchObject({ balance: 0 });
    expect((await app.http.get(`/accounts/${id}/statement`).expect(200)).body).toEqual({
      count: 0,
      entries: [],
    });
  });

  it('is healthy, and ends with its connections', async () => {
    expect(app.dataSource.options.type).toBe('postgres');
    expect(app.dataSource.getRepository(Account).metadata.tableName).toBe('account');
    expect(await app.dataSource.manager.query('SELECT 1 AS one')).toEqual([{ one: 1 }]);
    await app.close();
    expect(app.dataSource.isInitialized).toBe(false);
  });
});
