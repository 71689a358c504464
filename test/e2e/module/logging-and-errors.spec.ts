import { afterEach, describe, expect, it } from '@jest/globals';
import { ConflictException, Controller, Get, Post } from '@nestjs/common';
import type { ReplicaModuleOptions } from 'nestjs-replica';
import {
  type EntitySubscriberInterface,
  EventSubscriber,
  type InsertEvent,
  type LoadEvent,
  QueryFailedError,
} from 'typeorm';
import { textOf, CapturedLogs, expectNoCredential } from '../../support/app/captured-logs.js';
import { startApp, optionsFor, launch, accountsOn } from '../../support/app/start-app.js';
import type { TestApp } from '../../support/app/test-app.js';
import { until } from '../../support/until.js';
import { useLedgerCluster } from '../../support/cluster/use-cluster.js';
import { Account } from '../../support/ledger/accounts.js';
import { LedgerController } from '../../support/ledger/ledger.controller.js';

const heard: string[] = [];

@EventSubscriber()
class AccountSubscriber implements EntitySubscriberInterface<Account> {
  listenTo(): typeof Account {
    return Account;
  }

  afterLoad({ id }: Account, event?: LoadEvent<Account>): void {
    heard.push(`loaded ${id} ${event?.queryRunner.isReleased === false ? 'by a live runner' : ''}`);
  }

  afterInsert({ entity }: InsertEvent<Account>): void {
    heard.push(`inserted ${entity.owner}`);
  }

  beforeQuery({ query }: { query: string }): void {
    if (query.includes('account')) heard.push('before a query');
  }
}

@Controller()
class AccountsController extends LedgerController {
  failure: unknown;

  @Get('accounts/wrong')
  wrong(): Promise<unknown> {
    return this.dataSource.query('SELECT nonsense FROM account').catch((error: unknown) => {
      this.failure = error;
      throw error;
    });
  }

  @Post('accounts/saved')
  saved(): Promise<unknown> {
    return this.accounts.save({ owner: 'ann' });
  }

  @Post('accounts/notice')
  notice(): Promise<unknown> {
    return this.dataSource.query(`DO $$ BEGIN RAISE NOTICE 'mind the gap'; END $$`);
  }

  @Post('accounts/twice')
  async twice(): Promise<void> {
    try {
      await this.accounts.query('INSERT INTO account (id, owner) VALUES ($1, $2)', [1, 'bob']);
    } catch (error) {
      this.failure = error;
      throw new ConflictException();
    }
  }
}

const cluster = useLedgerCluster();

describe('logs and errors', () => {
  let app: TestApp | undefined;
  let logs: CapturedLogs;
  /** All that any test has got to see: searched for credentials in the end. */
  const seen: string[] = [];

  afterEach(async () => {
    await app?.close();
    app = undefined;
    seen.push(...logs.lines);
  });

  async function start(changes: Partial<ReplicaModuleOptions>): Promise<TestApp> {
    logs = new CapturedLogs();
    heard.length = 0;
    app = await startApp(cluster, [AccountsController], { logger: logs, ...changes }, { logger: logs });
    return app;
  }

  const failureIn = (running: TestApp): QueryFailedError => {
    const { failure } = running.nest.get(AccountsController);
    expect(failure).toBeInstanceOf(QueryFailedError);
    seen.push(textOf(failure));
    return failure as QueryFailedError;
  };

  it("reach the application's logger: queries of replicas and of the primary, failures, nothing else", async () => {
    const running = await start({ logging: true });
    logs.lines.length = 0;
    await running.get('/accounts/1');
    expect(logs.of('query')).toEqual([expect.stringMatching(/^SELECT .*"account".* LIMIT 1 \[ 1\b/)]);
    await running.post('/accounts/saved');
    expect(
      logs
        .of('query')
        .slice(1)
        .map((line) => line.split(' ')[0]),
    ).toEqual(['START', 'INSERT', 'COMMIT']);
    await running.get('/accounts/wrong');
    expect(logs.of('query error')).toHaveLength(1);
    expect(logs.of('query error')[0]).toContain('column "nonsense" does not exist');
  });

  it('report slow queries', async () => {
    const running = await start({ maxQueryExecutionTime: 400 });
    await running.get('/accounts/1');
    await running.get('/accounts/1/slow/500');
    expect(logs.of('slow query')).toEqual([
      expect.stringMatching(/^\d+(\.\d+)? SELECT id, balance, pg_sleep/),
    ]);
  });

  it('report each notice of the server once, if asked to', async () => {
    const telling = await start({ logNotifications: true });
    expect((await telling.post('/accounts/notice')).status).toBe(201);
    await until(() => logs.of('log').some((line) => line.includes('mind the gap')));
    expect(logs.of('log').filter((line) => line.includes('mind the gap'))).toEqual(['info mind the gap']);
    await telling.close();
    const silent = await start({});
    await silent.post('/accounts/notice');
    expect(logs.of('log').filter((line) => line.includes('mind the gap'))).toEqual([]);
  });

  it('leave subscribers working', async () => {
    const running = await start({ subscribers: [AccountSubscriber] });
    heard.length = 0;
    await running.get('/accounts/1');
    expect(heard).toEqual(['before a query', 'loaded 1 by a live runner']);
    await running.post('/accounts/saved');
    expect(heard.slice(2)).toEqual(['before a query', 'inserted ann']);
  });

  it("keep the driver's details of a refused write", async () => {
    const running = await start({});
    expect(await running.post('/accounts/twice')).toMatchObject({ status: 409, nodes: [] });
    expect(failureIn(running)).toMatchObject({
      query: expect.stringContaining('INSERT INTO account'),
      parameters: [1, 'bob'],
      driverError: {
        code: '23505',
        detail: 'Key (id)=(1) already exists.',
        constraint: 'account_pkey',
        table: 'account',
        severity: 'ERROR',
      },
    });
  });

  it("keep the driver's details of a wrong read on a replica", async () => {
    const running = await start({});
    const answer = await fetch(`${await running.nest.getUrl()}/accounts/wrong`);
    expect([answer.status, answer.headers.get('x-replica-node')]).toEqual([500, null]);
    seen.push(textOf([...answer.headers]), await answer.text());
    expect(failureIn(running)).toMatchObject({
      query: 'SELECT nonsense FROM account',
      driverError: { code: '42703', position: '8' },
    });
  });

  it('report a primary that is not there, and a user that it refuses, without a password', async () => {
    for (const url of [
      cluster.primary.url.replace(`:${cluster.primary.port}/`, ':1/'),
      cluster.primary.url.replace(`//${cluster.primary.username}:`, '//somebody-else:'),
    ]) {
      logs = new CapturedLogs();
      const error = await launch(
        {
          imports: accountsOn(cluster, {
            primary: { url },
            logger: logs,
            retryAttempts: 2,
            retryDelay: 1,
            verboseRetryLog: true,
          }),
        },
        { logger: logs },
      ).then(
        () => undefined,
        (reason: unknown) => reason,
      );
      expect(error).toMatchObject({ code: 'REPLICA_NODE_UNAVAILABLE', node: 'primary' });
      seen.push(textOf(error), ...logs.lines);
    }
    expect(logs.lines.filter((line) => line.includes('Retrying'))).not.toEqual([]);
  });

  it('report replicas that are not there, and idle connections that break, without a password', async () => {
    const [replica] = cluster.replicas;
    logs = new CapturedLogs();
    app = await launch(
      {
        imports: accountsOn(cluster, {
          logger: logs,
          replicas: [{ url: replica?.url.replace(`:${replica.port}/`, ':1/') }],
        }),
        controllers: [AccountsController],
      },
      { logger: logs },
    );
    expect(await app.get('/accounts/1')).toMatchObject({ status: 200, nodes: ['primary'] });
    await cluster.primary.query(
      `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'app-under-test'`,
    );
    await until(() => logs.lines.some((line) => line.includes('an idle connection to primary broke')));
    expect(logs.lines).toContainEqual(
      expect.stringMatching(/127\.0\.0\.1-1 \(127\.0\.0\.1:1\) is out of rotation/),
    );
    expect(JSON.stringify(app.router.topology())).not.toContain(cluster.primary.password);
  });

  it('showed no credential in any of these tests', () => {
    expect(seen.length).toBeGreaterThan(30);
    expect(optionsFor(cluster).primary?.url).toContain(cluster.primary.password);
    expectNoCredential(cluster, ...seen);
  });
});
