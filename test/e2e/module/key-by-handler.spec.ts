import { expect, it } from '@jest/globals';
import {
  type CanActivate,
  Controller,
  Get,
  Injectable,
  type MiddlewareConsumer,
  Module,
  type NestMiddleware,
  type NestModule,
  UseGuards,
} from '@nestjs/common';
import { InjectRepository, TypeOrmModule } from '@nestjs/typeorm';
import { Repository } from 'typeorm';
import { ON_REPLICA, useRoutes } from '../../support/app/routes.js';
import { useApp } from '../../support/app/start-app.js';
import { useLedgerCluster } from '../../support/cluster/use-cluster.js';
import { Account } from '../../support/ledger/accounts.js';

@Injectable()
class ReadingMiddleware implements NestMiddleware {
  constructor(@InjectRepository(Account) private readonly accounts: Repository<Account>) {}

  async use(_: unknown, __: unknown, next: () => void): Promise<void> {
    await this.accounts.count();
    next();
  }
}

@Injectable()
class ReadingGuard implements CanActivate {
  constructor(@InjectRepository(Account) private readonly accounts: Repository<Account>) {}

  async canActivate(): Promise<boolean> {
    return (await this.accounts.count()) > 0;
  }
}

@Controller('accounts')
@UseGuards(ReadingGuard)
class AccountsController {
  constructor(@InjectRepository(Account) private readonly accounts: Repository<Account>) {}

  @Get()
  count(): Promise<number> {
    return this.accounts.count();
  }
}

@Module({ imports: [TypeOrmModule.forFeature([Account])] })
class ReadingModule implements NestModule {
  configure(consumer: MiddlewareConsumer): void {
    consumer.apply(ReadingMiddleware).forRoutes('accounts');
  }
}

const app = useApp(
  useLedgerCluster(),
  [AccountsController],
  // Nobody knows the class before a guard runs.
  { session: { key: (context) => (context.getClass() as { name: string } | undefined)?.name } },
  { imports: [ReadingModule] },
);
const routes = useRoutes(app);

it('a session that is found by the handler is known to guards, although a middleware has read before', async () => {
  expect((await app.get('/accounts')).status).toBe(200);
  const [inMiddleware, ...later] = routes.take();
  expect(inMiddleware).toBe('primary session-unknown');
  expect(later).toEqual([ON_REPLICA, ON_REPLICA]);
});
