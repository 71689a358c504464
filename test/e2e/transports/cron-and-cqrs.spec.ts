import { beforeAll, describe, expect, it } from '@jest/globals';
import { Controller, Get, Injectable } from '@nestjs/common';
import {
  CommandBus,
  CommandHandler,
  CqrsModule,
  EventBus,
  EventsHandler,
  type ICommandHandler,
  type IEventHandler,
  type IQueryHandler,
  QueryBus,
  QueryHandler,
} from '@nestjs/cqrs';
import { Cron, ScheduleModule, SchedulerRegistry, Timeout } from '@nestjs/schedule';
import { InjectRepository } from '@nestjs/typeorm';
import { ForcePrimary, UseReplica } from 'nestjs-replica';
import { Repository } from 'typeorm';
import { useApp } from '../../support/app/start-app.js';
import { useRoutes, ON_REPLICA } from '../../support/app/routes.js';
import { until } from '../../support/until.js';
import { useLedgerCluster, whilePaused } from '../../support/cluster/use-cluster.js';
import { Account } from '../../support/ledger/accounts.js';

@Injectable()
class NightlyReport {
  sums: number[] = [];
  /** Jobs begin as soon as the application has started, and read when replicas are known. */
  mayRead = false;

  constructor(@InjectRepository(Account) private readonly accounts: Repository<Account>) {}

  @Cron('* * * * * *', { name: 'report', waitForCompletion: true })
  @UseReplica({ maxStalenessMs: 5_000 })
  async report(): Promise<void> {
    await this.untilItMayRead();
    this.sums.push((await this.accounts.sum('balance')) ?? 0);
  }

  @UseReplica()
  @Timeout(10)
  async once(): Promise<void> {
    await this.untilItMayRead();
    await this.accounts.count();
  }

  @Cron('* * * * * *', { name: 'undecorated', waitForCompletion: true })
  async undecorated(): Promise<void> {
    await this.untilItMayRead();
    await this.accounts.find({ take: 1 });
  }

  private untilItMayRead(): Promise<void> {
    return until(() => this.mayRead, 'the replicas');
  }
}

class CountAccounts {}
class ExactBalance {
  constructor(readonly id: number) {}
}
class Deposit {
  constructor(readonly id: number) {}
}
class Deposited {
  constructor(readonly id: number) {}
}

@QueryHandler(CountAccounts)
@UseReplica()
class CountAccountsHandler implements IQueryHandler<CountAccounts> {
  constructor(@InjectRepository(Account) private readonly accounts: Repository<Account>) {}

  execute(): Promise<number> {
    return this.accounts.count();
  }
}

@ForcePrimary()
@QueryHandler(ExactBalance)
class ExactBalanceHandler implements IQueryHandler<ExactBalance> {
  constructor(@InjectRepository(Account) private readonly accounts: Repository<Account>) {}

  async execute({ id }: ExactBalance): Promise<number> {
    return (await this.accounts.findOneByOrFail({ id })).balance;
  }
}

@CommandHandler(Deposit)
class DepositHandler implements ICommandHandler<Deposit> {
  constructor(
    @InjectRepository(Account) private readonly accounts: Repository<Account>,
    private readonly events: EventBus,
  ) {}

  @UseReplica()
  async execute({ id }: Deposit): Promise<number> {
    await this.accounts.increment({ id }, 'balance', 1);
    this.events.publish(new Deposited(id));
    return (await this.accounts.findOneByOrFail({ id })).balance;
  }
}

@EventsHandler(Deposited)
class DepositedHandler implements IEventHandler<Deposited> {
  seen: number[] = [];

  constructor(@InjectRepository(Account) private readonly accounts: Repository<Account>) {}

  @UseReplica()
  async handle({ id }: Deposited): Promise<void> {
    this.seen.push((await this.accounts.findOneByOrFail({ id })).balance);
  }
}

@Controller()
class AccountsController {
  constructor(private readonly queries: QueryBus) {}

  @Get('count')
  count(): Promise<number> {
    return this.queries.execute(new CountAccounts());
  }

  @Get('exact')
  exact(): Promise<number> {
    return this.queries.execute(new ExactBalance(1));
  }
}

/** Where each job of the report reads. */
const OF_JOBS = ['replica within-staleness', 'primary no-context', ON_REPLICA];

const cluster = useLedgerCluster();

describe('jobs by the clock and handlers of messages in the process', () => {
  const app = useApp(
    cluster,
    [AccountsController],
    {},
    {
      imports: [ScheduleModule.forRoot(), CqrsModule.forRoot()],
      providers: [NightlyReport, CountAccountsHandler, ExactBalanceHandler, DepositHandler, DepositedHandler],
    },
  );
  const routes = useRoutes(app);
  let atStart: readonly string[];

  beforeAll(async () => {
    const registry = app.nest.get(SchedulerRegistry);
    app.nest.get(NightlyReport).mayRead = true;
    const seen = new Set<string>();
    await until(() => {
      for (const route of routes.take()) seen.add(route);
      return OF_JOBS.every((route) => seen.has(route));
    }, 'each job');
    // A job that is under way is waited for: it would show in the next test.
    for (const [, job] of registry.getCronJobs()) await job.stop();
    atStart = [...seen, ...routes.take()];
  });

  it('a @Cron job reads from a replica if it is decorated, otherwise from the primary', () => {
    expect(new Set(atStart)).toEqual(new Set(OF_JOBS));
    expect(app.nest.get(NightlyReport).sums).toContain(0);
  });

  it('a query handler reads as its class or method is decorated', async () => {
    const queries = app.nest.get(QueryBus);
    expect(await queries.execute(new CountAccounts())).toBe(100);
    expect(await queries.execute(new ExactBalance(1))).toBe(0);
    expect(routes.take()).toEqual([ON_REPLICA, 'primary forced-primary']);
  });

  it('a query handler that a request calls is part of that request', async () => {
    expect(await app.get('/count')).toMatchObject({ reasons: ['session-free'] });
    expect(await app.get('/exact')).toMatchObject({ reasons: ['forced-primary'] });
  });

  it('a command handler sees what it wrote, and so does the handler of its event', async () => {
    await whilePaused(cluster, async () => {
      expect(await app.nest.get(CommandBus).execute(new Deposit(2))).toBe(1);
      const { seen } = app.nest.get(DepositedHandler);
      await until(() => seen.length > 0, 'the event');
      expect(seen).toEqual([1]);
    });
    expect(routes.take()).toEqual(['primary write', 'primary own-write', 'primary own-write']);
  });
});
