import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { Controller, Get, Injectable, Param, ParseIntPipe, Post } from '@nestjs/common';
import { InjectRepository } from '@nestjs/typeorm';
import { ForcePrimary, UseReplica } from 'nestjs-replica';
import { DataSource, EntityManager, Repository } from 'typeorm';
import {
  addTransactionalDataSource,
  deleteDataSourceByName,
  initializeTransactionalContext,
  runOnTransactionCommit,
  StorageDriver,
  Transactional,
} from 'typeorm-transactional';
import { useApp } from '../../support/app/start-app.js';
import { useRoutes, ON_REPLICA } from '../../support/app/routes.js';
import { useLedgerCluster, whilePaused } from '../../support/cluster/use-cluster.js';
import { Transcript } from '../../support/cluster/transcript.js';
import { Account } from '../../support/ledger/accounts.js';

@Injectable()
class Ledger {
  committed: number | undefined;

  constructor(
    @InjectRepository(Account) readonly accounts: Repository<Account>,
    readonly dataSource: DataSource,
    readonly manager: EntityManager,
  ) {}

  @Transactional()
  async deposit(id: number): Promise<number> {
    await this.accounts.increment({ id }, 'balance', 1);
    return (await this.accounts.findOneByOrFail({ id })).balance;
  }

  @Transactional()
  async everyWay(id: number): Promise<void> {
    runOnTransactionCommit(() => (this.committed = id));
    await this.accounts.findOneByOrFail({ id });
    await this.dataSource.query('SELECT balance FROM account WHERE id = $1', [id]);
    await this.dataSource.createQueryBuilder(Account, 'a').getCount();
    await this.accounts.increment({ id }, 'balance', 1);
  }

  @Transactional()
  async fails(id: number): Promise<never> {
    await this.accounts.increment({ id }, 'balance', 1);
    throw new RangeError('never mind');
  }

  @UseReplica()
  @Transactional()
  inOwnContext(id: number): Promise<number> {
    return this.#balanceOf(id);
  }

  @Transactional()
  @UseReplica()
  aroundOwnContext(id: number): Promise<number> {
    return this.#balanceOf(id);
  }

  async #balanceOf(id: number): Promise<number> {
    return (await this.accounts.findOneByOrFail({ id })).balance;
  }
}

@Controller('accounts')
class AccountsController {
  constructor(private readonly ledger: Ledger) {}

  @Get(':id')
  async one(@Param('id', ParseIntPipe) id: number): Promise<unknown> {
    const [row] = await this.ledger.dataSource.query('SELECT balance FROM account WHERE id = $1', [id]);
    return row;
  }

  @Get(':id/managed')
  managed(@Param('id', ParseIntPipe) id: number): Promise<unknown> {
    return this.ledger.manager.findOneBy(Account, { id });
  }

  @ForcePrimary()
  @Get(':id/exact')
  exact(@Param('id', ParseIntPipe) id: number): Promise<unknown> {
    return this.one(id);
  }

  @Post(':id/deposit')
  deposit(@Param('id', ParseIntPipe) id: number): Promise<number> {
    return this.ledger.deposit(id);
  }

  @Get(':id/every-way')
  everyWay(@Param('id', ParseIntPipe) id: number): Promise<void> {
    return this.ledger.everyWay(id);
  }
}

const cluster = useLedgerCluster();

describe('beside typeorm-transactional', () => {
  beforeAll(() => void initializeTransactionalContext({ storageDriver: StorageDriver.ASYNC_LOCAL_STORAGE }));
  const app = useApp(cluster, [AccountsController], {}, { providers: [Ledger] });
  const routes = useRoutes(app);
  let ledger: Ledger;

  beforeAll(() => {
    addTransactionalDataSource(app.dataSource);
    ledger = app.nest.get(Ledger);
  });

  afterAll(() => void deleteDataSourceByName('default'));

  it('reads and writes of a transactional method are one transaction on the primary', async () => {
    const transcript = new Transcript(cluster);
    await transcript.clear();
    expect((await app.get('/accounts/1/every-way')).status).toBe(200);
    expect(await transcript.all()).toEqual({
      primary: [
        'START TRANSACTION',
        expect.stringMatching(/^SELECT .* FROM "account"/),
        'SELECT balance FROM account WHERE id = $1',
        expect.stringMatching(/^SELECT COUNT/),
        expect.stringMatching(/^UPDATE "account"/),
        'COMMIT',
      ],
      'replica-1': [],
      'replica-2': [],
    });
    expect(ledger.committed).toBe(1);
  });

  it('reads outside go to a replica, raw ones, too, unless they are forced', async () => {
    expect(await app.get('/accounts/1')).toMatchObject({ reasons: ['session-free'] });
    expect(await app.get('/accounts/1/managed')).toMatchObject({ reasons: ['session-free'] });
    expect(await app.get('/accounts/1/exact')).toMatchObject({ reasons: ['forced-primary'] });
  });

  it('what a transaction wrote is seen by the session’s next request, with replay paused', async () => {
    await whilePaused(cluster, async () => {
      expect((await app.post('/accounts/2/deposit', 'ann')).body).toEqual({});
      expect(await app.get('/accounts/2', 'ann')).toMatchObject({
        body: { balance: 1 },
        reasons: ['session-ahead'],
      });
      expect(await app.get('/accounts/2', 'bob')).toMatchObject({ body: { balance: 0 } });
    });
  });

  it('a transaction that fails is rolled back', async () => {
    await expect(ledger.fails(3)).rejects.toThrow(new RangeError('never mind'));
    expect((await app.get('/accounts/3')).body).toEqual({ balance: 0 });
  });

  it('a decorator above or below does not take a read out of the transaction', async () => {
    await ledger.inOwnContext(4);
    await ledger.aroundOwnContext(4);
    expect(routes.take().filter((route) => !route.endsWith('transaction-control'))).toEqual([
      'primary transaction',
      'primary transaction',
    ]);
    expect(routes.take()).not.toContain(ON_REPLICA);
  });
});
