/** Reads that ask for certain replicas, rules for tables, and functions of the user that choose, on a real cluster. */
import { afterEach, beforeAll, describe, expect, it, jest } from '@jest/globals';
import { Controller, Get, Logger } from '@nestjs/common';
import {
  InvalidReplicaOptionsError,
  UseReplica,
  type ReplicaModuleOptions,
  type StatementEvent,
} from 'nestjs-replica';
import type { PostgresNode } from 'nestjs-replica/testing';
import { startApp } from '../support/app/start-app.js';
import type { TestApp } from '../support/app/test-app.js';
import { until } from '../support/until.js';
import { useLedgerCluster, resumeReplay } from '../support/cluster/use-cluster.js';
import { Account, Entry } from '../support/ledger/accounts.js';
import { LedgerController } from '../support/ledger/ledger.controller.js';

@Controller()
class BankController extends LedgerController {
  @Get('analytics')
  @UseReplica({ replica: 'analytics', consistency: 'eventual' })
  analytics(): Promise<Account | null> {
    return this.one(1);
  }

  @Get('analytics-for-session')
  @UseReplica({ replica: 'analytics' })
  analyticsForSession(): Promise<Account | null> {
    return this.one(1);
  }

  @Get('analytics-then-any')
  async analyticsThenAny(): Promise<object> {
    const first = await this.router.runOnReplica({ replica: 'analytics' }, () => this.one(1));
    return { first: first?.balance, next: (await this.one(1))?.balance };
  }

  @Get('tagged')
  @UseReplica({ tags: [{ usage: 'backup' }, { usage: 'reports', size: 'l' }], consistency: 'eventual' })
  tagged(): Promise<Account | null> {
    return this.one(1);
  }

  @Get('of-region')
  @UseReplica({ region: ['ap', 'eu'], consistency: 'eventual' })
  ofRegion(): Promise<Account | null> {
    return this.one(1);
  }

  @Get('nowhere')
  @UseReplica({ tags: { usage: 'backup' } })
  nowhere(): Promise<Account | null> {
    return this.one(1);
  }

  @Get('entries')
  countEntries(): Promise<number> {
    return this.dataSource.getRepository(Entry).count();
  }

  @Get('joined')
  joined(): Promise<Account[]> {
    return this.accounts.find({ relations: { entries: true } });
  }

  @Get('in-transaction')
  inTransaction(): Promise<number> {
    return this.router.readOnlyTransaction({}, (manager) => manager.count(Entry));
  }

  @Get('odd')
  odd(): Promise<unknown> {
    return this.dataSource.query('SELECT 1 AS odd');
  }
}

const cluster = useLedgerCluster({ count: 1 });
let first: PostgresNode;
let second: PostgresNode;
let app: TestApp | undefined;

beforeAll(() => {
  [first, second] = cluster.replicas as [PostgresNode, PostgresNode];
});

afterEach(async () => {
  await app?.close();
  app = undefined;
  await resumeReplay(cluster);
});

/** An application on a replica for everybody in region `eu`, and one of weight 0 for reports. */
async function start(changes: Partial<ReplicaModuleOptions> = {}): Promise<TestApp> {
  app = await startApp(cluster, [BankController], {
    replicas: [
      { name: 'replica-1', url: first.url, region: 'eu' },
      { name: 'analytics', url: second.url, weight: 0, tags: { usage: 'reports', size: 'l' } },
    ],
    ...changes,
  });
  return app;
}

describe('a read that asks for certain replicas', () => {
  it('is answered by them, and a replica of weight 0 by nothing else', async () => {
    const { get } = await client();
    for (let read = 0; read < 20; read++)
      expect(await get('/accounts/1')).toMatchObject({ nodes: ['replica-1'] });
    expect(await get('/analytics')).toMatchObject({ nodes: ['analytics'], reasons: ['eventual'] });
    expect(await get('/tagged')).toMatchObject({ nodes: ['analytics'] });
    expect(await get('/of-region')).toMatchObject({ nodes: ['replica-1'] });
    expect(await get('/nowhere')).toMatchObject({ nodes: ['primary'], reasons: ['no-eligible-replica'] });
  });

  it('sees what its session wrote', async () => {
    const { get, post, getFrom } = await client();
    await second.pauseReplay();
    const { body } = await post('/accounts/1/add-and-read', 'ann');
    expect(await get('/analytics-for-session', 'ann')).toMatchObject({
      body,
      nodes: ['primary'],
      reasons: ['session-ahead'],
    });
    await second.resumeReplay();
    expect((await getFrom('analytics', '/analytics-for-session', 'ann')).body).toEqual(body);
  });

  it('moves its session there: no other replica shows it anything older afterwards', async () => {
    const { get, post, getFrom } = await client();
    await getFrom('analytics', '/analytics-for-session', 'bob');
    await first.pauseReplay();
    const { body } = await post('/accounts/1/add-and-read', 'ann');
    await hasReplayed(second, body.balance);
    const seen = await get('/analytics-for-session', 'bob');
    expect(seen).toMatchObject({ body, nodes: ['analytics'] });
    expect(await get('/accounts/1', 'bob')).toMatchObject({
      body,
      nodes: ['primary'],
      reasons: ['session-ahead'],
    });
    await first.resumeReplay();
    expect((await getFrom('replica-1', '/accounts/1', 'bob')).body).toEqual(body);
  });

  it('moves its request there even without a session', async () => {
    const { get, post } = await client();
    await first.pauseReplay();
    const { body } = await post('/accounts/1/add-and-read');
    await hasReplayed(second, body.balance);
    expect(await get('/analytics-then-any')).toMatchObject({
      body: { first: body.balance, next: body.balance },
      nodes: ['analytics', 'primary'],
    });
  });

  it('is refused when there is no replica of that name', async () => {
    const { router } = await start();
    expect(() => router.runOnReplica({ replica: 'analitics' }, () => undefined)).toThrow(
      'runOnReplica(): replica names "analitics", but the nodes are primary, replica-1, analytics',
    );
    await app?.close();
    app = undefined;
    await expect(start({ replicas: [{ url: first.url }] })).rejects.toThrow(InvalidReplicaOptionsError);
  });
});

describe('rules for tables', () => {
  it('send reads to the node that they name, the strictest first', async () => {
    const { get } = await client({ tables: { account: 'primary', entry: 'analytics' } });
    expect(await get('/accounts/1')).toMatchObject({ nodes: ['primary'], reasons: ['table-rule'] });
    expect(await get('/analytics')).toMatchObject({ nodes: ['primary'], reasons: ['table-rule'] });
    expect(await get('/entries')).toMatchObject({ nodes: ['analytics'], reasons: ['table-rule'] });
    expect(await get('/joined')).toMatchObject({ nodes: ['primary'], reasons: ['table-rule'] });
    expect(await get('/odd')).toMatchObject({ nodes: ['replica-1'], reasons: ['session-free'] });
    expect((await get('/in-transaction')).nodes).toEqual(['primary']);
  });

  it('hold outside a request, too', async () => {
    const { router, dataSource } = await start({ tables: { entry: 'analytics' } });
    const events: StatementEvent[] = [];
    router.on('statement', (event) => void events.push(event));
    await dataSource.getRepository(Entry).count();
    await dataSource.getRepository(Account).count();
    expect(events).toMatchObject([
      { node: 'analytics', reason: 'table-rule' },
      { node: 'primary', reason: 'no-context' },
    ]);
  });
});

describe('a rule for a table that is not there', () => {
  it('is reported, and harms nobody', async () => {
    const warn = jest.spyOn(Logger.prototype, 'warn').mockImplementation(() => undefined);
    const { get } = await client({ tables: { acount: 'primary', entry: 'analytics' } });
    const lines = warn.mock.calls.map(([line]) => line);
    warn.mockRestore();
    expect(lines).toContainEqual(
      expect.stringContaining('there are rules for tables that the database does not have: acount'),
    );
    expect(await get('/entries')).toMatchObject({ nodes: ['analytics'] });
  });
});

describe("the user's own functions", () => {
  it('have the last word on a read', async () => {
    const asked: (readonly string[] | undefined)[] = [];
    const { get, post } = await client({
      route: ({ tables, text }, { eligible, primary }) => {
        asked.push(tables);
        if (text.includes('odd')) return primary;
        return tables?.includes('entry') ? eligible.find((name) => name === 'analytics') : undefined;
      },
    });
    expect(await get('/entries')).toMatchObject({ nodes: ['analytics'], reasons: ['route-function'] });
    expect(await get('/odd')).toMatchObject({ nodes: ['primary'], reasons: ['route-function'] });
    expect(await get('/accounts/1')).toMatchObject({ nodes: ['replica-1'], reasons: ['session-free'] });
    expect(asked).toEqual([['entry'], [], ['account']]);
    await post('/accounts/1/add');
    expect(asked).toHaveLength(3);
  });

  it('fail the read when they name no node', async () => {
    const { dataSource, router } = await start({ route: () => 'nowhere', balancer: () => 'nobody' });
    const read = (): Promise<unknown> => router.runOnReplica({}, () => dataSource.query('SELECT 1'));
    await expect(read()).rejects.toMatchObject({
      driverError: { code: 'REPLICA_INVALID_CHOICE', option: 'balancer', choice: 'nobody' },
    });
    await app?.close();
    const next = await start({ route: () => 'nowhere' });
    await expect(next.router.runOnReplica({}, () => next.dataSource.query('SELECT 1'))).rejects.toMatchObject(
      { driverError: { code: 'REPLICA_INVALID_CHOICE', option: 'route' } },
    );
  });

  it('choose between the replicas of reads without a session', async () => {
    const { get } = await client({
      replicas: [
        { name: 'replica-1', url: first.url },
        { name: 'analytics', url: second.url },
      ],
      balancer: (nodes) => nodes.at(-1)?.name ?? '',
    });
    for (let read = 0; read < 10; read++) expect((await get('/accounts/1')).nodes).toEqual(['analytics']);
  });
});

/** Waits until the node shows this balance. */
function hasReplayed(node: PostgresNode, balance: number): Promise<void> {
  return until(async () => {
    const [row] = await node.query<{ balance: number }>('SELECT balance FROM account WHERE id = 1');
    return row?.balance === balance;
  });
}

/** Calls an application that {@link start} makes. */
async function client(changes: Partial<ReplicaModuleOptions> = {}): Promise<{
  get: TestApp['get'];
  post: TestApp['post'];
  /** Repeats a GET until this node answers it. */
  getFrom: (node: string, path: string, session: string) => ReturnType<TestApp['get']>;
}> {
  const started = await start(changes);
  return {
    get: (path, session) => started.get(path, session),
    post: (path, session) => started.post(path, session),
    getFrom: (node, path, session) => started.getUntil(path, session, ({ nodes }) => nodes[0] === node),
  };
}
