import { afterEach, describe, expect, it } from '@jest/globals';
import { Controller, Get, Post } from '@nestjs/common';
import {
  getDataSourceToken,
  getRepositoryToken,
  InjectDataSource,
  InjectRepository,
  TypeOrmModule,
} from '@nestjs/typeorm';
import {
  type DataSourceRouter,
  fromHeader,
  InjectDataSourceRouter,
  MemorySessionStore,
  ReplicaModule,
  type ReplicaModuleFactoryOptions,
  type ReplicaModuleOptions,
  type ReplicaOptionsFactory,
} from 'nestjs-replica';
import { Column, DataSource, Entity, PrimaryGeneratedColumn, Repository } from 'typeorm';
import { optionsFor, launch, launchReady, PLATFORMS } from '../../support/app/start-app.js';
import type { TestApp } from '../../support/app/test-app.js';
import { REPLICA } from '../../support/app/routes.js';
import { until } from '../../support/until.js';
import { useLedgerCluster, whilePaused } from '../../support/cluster/use-cluster.js';
import { Account, Entry } from '../../support/ledger/accounts.js';

const ANALYTICS = 'analytics';
/** Of its own: what forFeature() says of a name, autoLoadEntities finds for as long as the process lives. */
const ARCHIVE = 'archive';

@Entity()
class Visit {
  @PrimaryGeneratedColumn()
  id!: number;

  @Column()
  page!: string;
}

@Controller()
class BothController {
  constructor(
    @InjectRepository(Account) private readonly accounts: Repository<Account>,
    @InjectRepository(Visit, ANALYTICS) private readonly visits: Repository<Visit>,
    @InjectDataSource(ANALYTICS) private readonly analytics: DataSource,
    @InjectDataSourceRouter() private readonly router: DataSourceRouter,
    @InjectDataSourceRouter(ANALYTICS) private readonly analyticsRouter: DataSourceRouter,
  ) {}

  @Get('accounts')
  async readAccounts(): Promise<object> {
    return { count: await this.accounts.count() };
  }

  @Get('visits')
  async readVisits(): Promise<object> {
    return { count: await this.visits.count() };
  }

  @Get('both')
  async readBoth(): Promise<number[]> {
    return [await this.accounts.count(), await this.visits.count()];
  }

  @Get('forced-analytics')
  async forceAnalytics(): Promise<number[]> {
    return this.analyticsRouter.runOnPrimary(async () => [
      await this.accounts.count(),
      await this.visits.count(),
    ]);
  }

  @Get('nodes')
  nodes(): string[] {
    return [this.router, this.analyticsRouter].map((router) => router.topology().primary.address);
  }

  @Get('raw')
  raw(): Promise<unknown> {
    return this.analytics.query('SELECT count(*)::int AS n FROM visit');
  }

  @Post('accounts')
  async writeAccount(): Promise<void> {
    await this.accounts.insert({ owner: 'ann' });
  }

  @Post('visits')
  async writeVisit(): Promise<void> {
    await this.visits.insert({ page: '/' });
  }
}

const ANALYTICS_REPLICA = expect.stringMatching(/^analytics:replica-1$/);

const shop = useLedgerCluster();
/** Its accounts stay as they are. */
const analytics = useLedgerCluster({
  replicas: 1,
  sql: 'CREATE TABLE visit (id serial PRIMARY KEY, page varchar NOT NULL)',
});

describe.each(PLATFORMS)('on %s, two data sources', (platform) => {
  let app: TestApp;

  afterEach(async () => {
    await app.close();
  });

  async function start(): Promise<void> {
    const session = { key: fromHeader('x-session'), store: new MemorySessionStore() };
    app = await launchReady(
      {
        imports: [
          ReplicaModule.forRoot(optionsFor(shop, { session })),
          ReplicaModule.forRoot({
            ...optionsFor(analytics, { session, entities: [Visit] }),
            name: ANALYTICS,
          }),
          TypeOrmModule.forFeature([Account, Entry]),
          TypeOrmModule.forFeature([Visit], ANALYTICS),
        ],
        controllers: [BothController],
      },
      { platform },
      [undefined, ANALYTICS],
    );
  }

  it('read from their own nodes, and say whose they are', async () => {
    await start();
    expect((await app.get('/nodes')).body).toEqual([
      `127.0.0.1:${shop.primary.port}`,
      `127.0.0.1:${analytics.primary.port}`,
    ]);
    expect(await app.get('/accounts')).toMatchObject({ nodes: [REPLICA], reasons: ['session-free'] });
    expect(await app.get('/visits')).toMatchObject({
      nodes: [ANALYTICS_REPLICA],
      reasons: ['analytics:session-free'],
    });
    expect((await app.get('/raw')).nodes).toEqual([ANALYTICS_REPLICA]);
    const both = await app.get('/both');
    expect(both.nodes.toSorted()).toEqual([ANALYTICS_REPLICA, REPLICA]);
    expect(both.reasons.toSorted()).toEqual(['analytics:session-free', 'session-free']);
  });

  it('are forced to the primary one by one', async () => {
    await start();
    const { nodes, reasons } = await app.get('/forced-analytics');
    expect(nodes.toSorted()).toEqual(['analytics:primary', REPLICA]);
    expect(reasons.toSorted()).toEqual(['analytics:forced-primary', 'session-free']);
  });

  it.each([
    ['the default one', '/accounts', '/visits', 'analytics:replica-1', 'primary'],
    ['the named one', '/visits', '/accounts', 'replica-', 'analytics:primary'],
  ])(
    'are bound by writes one by one, though they share a store: %s',
    async (_, written, other, replica, primary) => {
      await start();
      const session = `writes-${written}`;
      await whilePaused(shop, () =>
        whilePaused(analytics, async () => {
          const before = (await app.get(written, 'stranger')).body.count as number;
          expect((await app.post(written, session)).nodes).toEqual([primary]);
          expect(await app.get(written, session)).toMatchObject({
            body: { count: before + 1 },
            nodes: [primary],
          });
          expect(await app.get(other, session)).toMatchObject({
            nodes: [expect.stringContaining(replica)],
            reasons: [expect.stringContaining('session-free')],
          });
          expect((await app.get(written, 'stranger')).body).toEqual({ count: before });
        }),
      );
    },
  );

  it('close all their connections', async () => {
    await start();
    await app.get('/both');
    await app.nest.close();
    for (const cluster of [shop, analytics]) {
      for (const node of cluster.nodes) {
        const left = (): Promise<object[]> =>
          node.query(`SELECT 1 FROM pg_stat_activity
            WHERE application_name IN ('app-under-test', 'nestjs-replica monitor')`);
        await until(async () => (await left()).length === 0, `the end of connections to ${node.name}`);
      }
    }
    expect(app.nest.get<DataSource>(getDataSourceToken(ANALYTICS)).isInitialized).toBe(false);
  });
});

describe('the name of a data source', () => {
  /** What TypeOrmModule of Nest 11 closes its data source by. */
  const optionsOfTypeOrm = (app: TestApp): unknown[] =>
    app.nest.get<unknown[]>('TypeOrmModuleOptions', { strict: false, each: true });

  it.each([
    [
      'is in the options',
      (options: ReplicaModuleOptions) => ReplicaModule.forRoot({ ...options, name: ARCHIVE }),
    ],
    [
      'is the second argument, which goes before that of the options',
      (options: ReplicaModuleOptions) => ReplicaModule.forRoot({ ...options, name: 'other' }, ARCHIVE),
    ],
    [
      'is given to forRootAsync(), and goes before that of the factory',
      (options: ReplicaModuleOptions) =>
        ReplicaModule.forRootAsync({ name: ARCHIVE, useFactory: () => ({ ...options, name: 'other' }) }),
    ],
  ])('%s', async (_, moduleOf) => {
    const app = await launch({
      imports: [moduleOf(optionsFor(analytics)), ReplicaModule.forFeature([Account], ARCHIVE)],
    });
    const dataSource = app.nest.get<DataSource>(getDataSourceToken(ARCHIVE));
    expect(dataSource.isInitialized).toBe(true);
    expect(await app.nest.get<Repository<Account>>(getRepositoryToken(Account, ARCHIVE)).count()).toBe(100);
    for (const options of optionsOfTypeOrm(app)) expect(options).toMatchObject({ name: ARCHIVE });
    await app.close();
    expect(dataSource.isInitialized).toBe(false);
  });
});

describe('two data sources from factories', () => {
  it('ask with their names, and find their entities by themselves', async () => {
    const askedFor: (string | undefined)[] = [];
    class Factory implements ReplicaOptionsFactory {
      createReplicaOptions(name?: string): ReplicaModuleFactoryOptions {
        askedFor.push(name);
        const { entities: _, ...options } = optionsFor(analytics);
        return { ...options, autoLoadEntities: true, synchronize: name === ANALYTICS };
      }
    }
    const app = await launch({
      imports: [
        ReplicaModule.forRootAsync({ useClass: Factory }),
        ReplicaModule.forRootAsync({ useClass: Factory, name: ANALYTICS }),
        TypeOrmModule.forFeature([Account, Entry]),
        TypeOrmModule.forFeature([Visit], ANALYTICS),
      ],
      controllers: [BothController],
    });
    expect(new Set(askedFor)).toEqual(new Set([undefined, ANALYTICS]));
    expect(askedFor).toHaveLength(2);
    const entities = (token?: string): unknown[] =>
      app.nest.get<DataSource>(getDataSourceToken(token)).entityMetadatas.map(({ target }) => target);
    expect(entities()).toEqual([Account, Entry]);
    expect(entities(ANALYTICS)).toEqual([Visit]);
    expect((await app.get('/both')).status).toBe(200);
    await app.close();
  });
});
