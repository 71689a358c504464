import { Controller, Get, Param, ParseIntPipe, Post } from '@nestjs/common';
import { InjectRepository } from '@nestjs/typeorm';
import { DataSourceRouter, ForcePrimary, UseReplica } from 'nestjs-replica';
import { DataSource, Repository } from 'typeorm';
import { forDatabase } from '../cluster/test-database.js';
import { Account } from './accounts.js';

const SLOW_SQL = forDatabase({
  postgres: 'SELECT id, balance, pg_sleep($1::float / 1000) FROM account WHERE id = $2',
  mariadb: 'SELECT id, balance, SLEEP(? / 1000) FROM account WHERE id = ?',
});

/**
 * The application that most tests run: it reads balances in each way that the library knows, and adds to them.
 * A test that needs one more route extends it.
 */
@Controller()
export class LedgerController {
  constructor(
    @InjectRepository(Account) protected readonly accounts: Repository<Account>,
    protected readonly dataSource: DataSource,
    protected readonly router: DataSourceRouter,
  ) {}

  @Get('accounts')
  async count(): Promise<object> {
    return { count: await this.accounts.count() };
  }

  /** Leaves the database alone. */
  @Post('nothing')
  nothing(): void {}

  @Post('accounts')
  async open(): Promise<void> {
    await this.accounts.insert({ owner: 'ann' });
  }

  @Get('accounts/:id')
  one(@Param('id', ParseIntPipe) id: number): Promise<Account | null> {
    return this.find(id);
  }

  @Get('accounts/:id/forced')
  @ForcePrimary()
  forced(@Param('id', ParseIntPipe) id: number): Promise<Account | null> {
    return this.one(id);
  }

  @Get('accounts/:id/strong')
  @UseReplica({ consistency: 'strong' })
  strong(@Param('id', ParseIntPipe) id: number): Promise<Account | null> {
    return this.one(id);
  }

  @Get('accounts/:id/bounded')
  @UseReplica({ maxStalenessMs: 60_000 })
  bounded(@Param('id', ParseIntPipe) id: number): Promise<Account | null> {
    return this.one(id);
  }

  @Get('accounts/:id/eventual')
  @UseReplica({ consistency: 'eventual' })
  eventual(@Param('id', ParseIntPipe) id: number): Promise<Account | null> {
    return this.one(id);
  }

  @Get('accounts/:id/patient')
  @UseReplica({ onBehind: 'wait', catchUpTimeoutMs: 60_000 })
  patient(@Param('id', ParseIntPipe) id: number): Promise<Account | null> {
    return this.one(id);
  }

  @Get('accounts/:id/on/:replica')
  on(@Param('id', ParseIntPipe) id: number, @Param('replica') replica: string): Promise<Account | null> {
    return this.router.runOnReplica({ replica }, () => this.one(id));
  }

  @Get('accounts/:id/on-primary')
  onPrimary(@Param('id', ParseIntPipe) id: number): Promise<Account | null> {
    return this.router.runOnPrimary(() => this.one(id));
  }

  @Get('accounts/:id/slow/:ms')
  async slow(@Param('id', ParseIntPipe) id: number, @Param('ms', ParseIntPipe) ms: number): Promise<object> {
    const [row] = await this.dataSource.query(SLOW_SQL, [ms, id]);
    return row;
  }

  /** With a token for whoever has to see what this request saw. */
  @Get('accounts/:id/token')
  async token(@Param('id', ParseIntPipe) id: number): Promise<object> {
    const account = await this.one(id);
    return { balance: account?.balance, token: await this.router.currentToken() };
  }

  @Post('accounts/:id/add')
  async add(@Param('id', ParseIntPipe) id: number): Promise<object> {
    await this.accounts.increment({ id }, 'balance', 1);
    return {};
  }

  @Post('accounts/:id/add-and-read')
  @UseReplica()
  async addAndRead(@Param('id', ParseIntPipe) id: number): Promise<Account | null> {
    await this.add(id);
    return this.one(id);
  }

  /** With a token for whoever has to see what this request wrote. */
  @Post('accounts/:id/add-and-token')
  async addAndToken(@Param('id', ParseIntPipe) id: number): Promise<object> {
    await this.add(id);
    return { token: await this.router.currentToken() };
  }

  @Post('accounts/:id/add-for/:session')
  addFor(@Param('id', ParseIntPipe) id: number, @Param('session') session: string): Promise<unknown> {
    this.router.bindSession(session);
    return this.add(id);
  }

  @Post('accounts/:id/transfer/:to/:amount')
  async transfer(
    @Param('id', ParseIntPipe) id: number,
    @Param('to', ParseIntPipe) to: number,
    @Param('amount', ParseIntPipe) amount: number,
  ): Promise<void> {
    await this.dataSource.transaction(async (manager) => {
      await manager.decrement(Account, { id }, 'balance', amount);
      await manager.increment(Account, { id: to }, 'balance', amount);
    });
  }

  /** How each route reads. */
  protected find(id: number): Promise<Account | null> {
    return this.accounts.findOneBy({ id });
  }

  @Post('accounts/:id/rolled-back')
  async rolledBack(@Param('id', ParseIntPipe) id: number): Promise<void> {
    const undo = new Error('never mind');
    await this.dataSource
      .transaction(async (manager) => {
        await manager.increment(Account, { id }, 'balance', 1);
        throw undo;
      })
      .catch((error: unknown) => {
        if (error !== undo) throw error;
      });
  }
}
