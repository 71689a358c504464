import { ClsPluginTransactional, Transactional, TransactionHost } from '@nestjs-cls/transactional';
import { TransactionalAdapterTypeOrm } from '@nestjs-cls/transactional-adapter-typeorm';
import { Controller, Get, Injectable, Module, Param, ParseIntPipe, Post } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { getDataSourceToken, InjectRepository, TypeOrmModule } from '@nestjs/typeorm';
import { ClsModule } from 'nestjs-cls';
import { DataSourceRouter, fromHeader, ReplicaModule, UseReplica } from 'nestjs-replica';
import { Repository } from 'typeorm';
import { Account, Entry } from '../../../support/ledger/accounts.js';
import { APPLICATION } from '../../../support/cluster/transcript.js';

@Injectable()
class Ledger {
  constructor(
    private readonly host: TransactionHost<TransactionalAdapterTypeOrm>,
    @InjectRepository(Account) private readonly accounts: Repository<Account>,
  ) {}

  @Transactional()
  async deposit(id: number): Promise<number> {
    await this.host.tx.increment(Account, { id }, 'balance', 1);
    return (await this.host.tx.findOneByOrFail(Account, { id })).balance;
  }

  async balance(id: number): Promise<number> {
    return (await this.host.tx.findOneByOrFail(Account, { id })).balance;
  }

  /** A repository that was injected is none of the transaction's. */
  @Transactional()
  async beside(id: number): Promise<number> {
    await this.host.tx.increment(Account, { id }, 'balance', 1);
    return (await this.accounts.findOneByOrFail({ id })).balance;
  }

  @UseReplica()
  @Transactional()
  async decorated(id: number): Promise<number> {
    return (await this.host.tx.findOneByOrFail(Account, { id })).balance;
  }
}

@Controller('accounts/:id')
class AccountsController {
  constructor(private readonly ledger: Ledger) {}

  @Get()
  async one(@Param('id', ParseIntPipe) id: number): Promise<object> {
    return { balance: await this.ledger.balance(id) };
  }

  @Post('deposit')
  async deposit(@Param('id', ParseIntPipe) id: number): Promise<object> {
    return { balance: await this.ledger.deposit(id) };
  }

  @Get('beside')
  async beside(@Param('id', ParseIntPipe) id: number): Promise<object> {
    return { balance: await this.ledger.beside(id) };
  }

  @Get('decorated')
  async decorated(@Param('id', ParseIntPipe) id: number): Promise<object> {
    return { balance: await this.ledger.decorated(id) };
  }
}

const [primary, ...replicas] = (process.env.NODE_URLS ?? '').split(' ');

@Module({
  imports: [
    ClsModule.forRoot({
      global: true,
      middleware: { mount: true },
      plugins: [
        new ClsPluginTransactional({
          adapter: new TransactionalAdapterTypeOrm({ dataSourceToken: getDataSourceToken() }),
        }),
      ],
    }),
    ReplicaModule.forRoot({
      type: 'postgres',
      primary: { url: primary },
      replicas: replicas.map((url, index) => ({ name: `replica-${index + 1}`, url })),
      entities: [Account, Entry],
      applicationName: APPLICATION,
      session: { key: fromHeader('x-session') },
      monitor: { intervalMs: 100 },
      setHeaders: true,
    }),
    TypeOrmModule.forFeature([Account]),
  ],
  controllers: [AccountsController],
  providers: [Ledger],
})
class AppModule {}

const app = await NestFactory.create(AppModule, { logger: ['error'] });
await app.listen(0, '127.0.0.1');
const router = app.get(DataSourceRouter);
while (router.topology().replicas.some(({ lagMs }) => lagMs === null)) {
  await new Promise((resolve) => setTimeout(resolve, 10));
}
process.stdout.write(`${await app.getUrl()}\n`);
process.stdin.resume().once('end', () => void app.close());
