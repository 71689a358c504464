import { AsyncResource } from 'node:async_hooks';
import { afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { Controller, Get, type LoggerService, Post } from '@nestjs/common';
import { InjectRepository } from '@nestjs/typeorm';
import { UseReplica } from 'nestjs-replica';
import { Repository } from 'typeorm';
import { useApp } from '../../support/app/start-app.js';
import { useLedgerCluster, whilePaused } from '../../support/cluster/use-cluster.js';
import { Account } from '../../support/ledger/accounts.js';

@Controller('accounts')
@UseReplica()
class AccountsController {
  constructor(@InjectRepository(Account) private readonly accounts: Repository<Account>) {}

  @Get('balance')
  async balance(): Promise<{ balance: number }> {
    const { balance } = await this.accounts.findOneByOrFail({ id: 1 });
    return { balance };
  }

  @Post('add')
  async add(): Promise<void> {
    await this.accounts.increment({ id: 1 }, 'balance', 1);
  }
}

/** An Express router, as far as this test sees into it. */
interface Router {
  readonly stack: { readonly route?: object }[];
}

const cluster = useLedgerCluster();

describe('an Express layer that loses the context behind our middleware', () => {
  const errors: string[] = [];
  const quiet = (): void => undefined;
  const logger: LoggerService = {
    log: quiet,
    warn: quiet,
    error: (line: unknown) => void errors.push(String(line)),
  };
  const app = useApp(cluster, [AccountsController], {}, { logger });
  let stop: () => void = quiet;

  beforeAll(() => {
    const elsewhere = new AsyncResource('elsewhere');
    const { router } = app.nest.getHttpAdapter().getInstance() as { router: Router };
    app.nest.use((_: unknown, __: unknown, next: () => void) => elsewhere.runInAsyncScope(next));
    const layer = router.stack.pop() as Router['stack'][number];
    router.stack.splice(
      router.stack.findIndex(({ route }) => route !== undefined),
      0,
      layer,
    );
    stop = () => void router.stack.splice(router.stack.indexOf(layer), 1);
  });

  afterEach(() => stop());

  it('shows nobody less than they wrote, and is told', async () => {
    await whilePaused(cluster, async () => {
      expect((await app.http.post('/accounts/add').set('x-session', 'one')).status).toBe(201);
      expect((await app.http.get('/accounts/balance').set('x-session', 'one')).body).toEqual({ balance: 1 });
      stop();
      const answer = await app.http.get('/accounts/balance').set('x-session', 'one');
      expect([answer.body, answer.headers['x-replica-node']]).toEqual([{ balance: 1 }, 'primary']);
      const other = await app.http.get('/accounts/balance').set('x-session', 'other');
      expect(other.headers['x-replica-node']).toMatch(/^replica-/);
    });
    expect(errors).toContainEqual(expect.stringContaining('loses the context of AccountsController.add'));
  });
});
