import { describe, expect, it } from '@jest/globals';
import { Controller, Get, Injectable, Param, ParseIntPipe } from '@nestjs/common';
import { ExternalContextCreator } from '@nestjs/core';
import { InjectRepository } from '@nestjs/typeorm';
import { ForcePrimary, fromHeader, UseReplica } from 'nestjs-replica';
import { Repository } from 'typeorm';
import { useLedgerCluster } from '../../support/cluster/use-cluster.js';
import { Account } from '../../support/ledger/accounts.js';
import { useApp } from '../../support/app/start-app.js';
import { useRoutes } from '../../support/app/routes.js';

type Call = (...args: unknown[]) => Promise<number>;

/** What a library for bots or commands has: handlers that Nest calls with guards and interceptors, but not for a request. */
@Injectable()
class Bot {
  constructor(@InjectRepository(Account) private readonly accounts: Repository<Account>) {}

  @UseReplica()
  read(): Promise<number> {
    return this.accounts.count();
  }

  @ForcePrimary()
  exact(): Promise<number> {
    return this.accounts.count();
  }
}

@Controller('accounts')
class BotController {
  constructor(
    private readonly external: ExternalContextCreator,
    private readonly bot: Bot,
    @InjectRepository(Account) private readonly accounts: Repository<Account>,
  ) {}

  /** Asks the bot, which must not change what the request itself wants. */
  @Get(':id/by-bot')
  @UseReplica({ consistency: 'eventual' })
  async byBot(@Param('id', ParseIntPipe) id: number): Promise<object> {
    await this.handler('exact')();
    return this.accounts.findOneByOrFail({ id });
  }

  handler(name: 'read' | 'exact'): Call {
    // oxlint-disable-next-line typescript/unbound-method -- Nest binds it
    return this.external.create(this.bot, this.bot[name], name) as Call;
  }
}

const cluster = useLedgerCluster();

describe('a handler that is called from outside', () => {
  const app = useApp(
    cluster,
    [BotController],
    { session: { key: fromHeader('x-session') } },
    { providers: [Bot] },
  );
  const routes = useRoutes(app);

  it.each([
    ['nothing', []],
    ['undefined', [undefined]],
    ['a text', ['/start']],
    ['an object of its own', [{ chat: 1 }]],
  ])('with %s has a context of its own', async (_, args) => {
    const controller = app.nest.get(BotController);
    expect(await controller.handler('read')(...args)).toBeGreaterThan(0);
    expect(await controller.handler('exact')(...args)).toBeGreaterThan(0);
    expect(routes.take()).toEqual(['replica session-free', 'primary forced-primary']);
  });

  it('inside a request leaves the intent of that request alone', async () => {
    const answer = await app.get('/accounts/1/by-bot', 'one');
    expect(answer.status).toBe(200);
    expect(routes.take()).toEqual(['primary forced-primary', 'replica eventual']);
  });
});
