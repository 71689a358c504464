import { afterEach, describe, expect, it } from '@jest/globals';
import { Controller, Get, Inject, Module, Post } from '@nestjs/common';
import { InjectDataSource, TypeOrmModule } from '@nestjs/typeorm';
import {
  DataSourceRouter,
  InvalidReplicaOptionsError,
  ReplicaDataSource,
  ReplicaModule,
} from 'nestjs-replica';
import { DataSource } from 'typeorm';
import { optionsFor, launch, launchReady, PLATFORMS } from '../../support/app/start-app.js';
import type { TestApp } from '../../support/app/test-app.js';
import { CapturedLogs } from '../../support/app/captured-logs.js';
import { useLedgerCluster, whilePaused } from '../../support/cluster/use-cluster.js';
import { Account, Entry } from '../../support/ledger/accounts.js';
import { LedgerController } from '../../support/ledger/ledger.controller.js';

const OWN = Symbol('a data source of the application');

class OwnDataSource extends ReplicaDataSource {}

@Controller('accounts')
class OwnController {
  constructor(@Inject(OWN) private readonly dataSource: DataSource) {}

  @Get()
  async count(): Promise<object> {
    return { count: await this.dataSource.getRepository(Account).count() };
  }

  @Post()
  async open(): Promise<void> {
    await this.dataSource.getRepository(Account).insert({ owner: 'ann' });
  }
}

const cluster = useLedgerCluster();

describe.each(PLATFORMS)('on %s, a data source that the application made', (platform) => {
  let made: ReplicaDataSource;
  let app: TestApp | undefined;

  afterEach(async () => {
    await app?.close();
    app = undefined;
    if (made.isInitialized) await made.destroy();
  });

  const make = (): OwnDataSource => {
    const { setHeaders: _, retryAttempts: _attempts, ...options } = optionsFor(cluster);
    return new OwnDataSource(options);
  };

  async function expectToBeRouted(served: TestApp): Promise<void> {
    expect(await served.get('/accounts')).toMatchObject({ status: 200, reasons: ['session-free'] });
    await whilePaused(cluster, async () => {
      const { count } = (await served.get('/accounts', 'stranger')).body as { count: number };
      expect(await served.post('/accounts', 'ann')).toMatchObject({ status: 201, nodes: ['primary'] });
      expect(await served.get('/accounts', 'ann')).toMatchObject({
        body: { count: count + 1 },
        nodes: ['primary'],
      });
      expect((await served.get('/accounts', 'stranger')).body).toEqual({ count });
    });
  }

  it('is connected, routed in requests, and closed', async () => {
    made = make();
    app = await launchReady(
      {
        imports: [
          ReplicaModule.forDataSource(made, { setHeaders: true }),
          TypeOrmModule.forFeature([Account, Entry]),
        ],
        controllers: [LedgerController],
      },
      { platform },
    );
    expect(app.dataSource).toBe(made);
    await expectToBeRouted(app);
    await app.close();
    expect(made.isInitialized).toBe(false);
  });

  it('stays open if it was open before, even as a clone', async () => {
    made = await make().initialize();
    const clone = Object.assign(Object.create(OwnDataSource.prototype) as OwnDataSource, made);
    app = await launchReady(
      {
        imports: [
          ReplicaModule.forDataSource(clone, { setHeaders: true }),
          TypeOrmModule.forFeature([Account, Entry]),
        ],
        controllers: [LedgerController],
      },
      { platform },
    );
    await expectToBeRouted(app);
    await app.close();
    expect(made.isInitialized).toBe(true);
  });

  it('is found by its token if Nest provides it already', async () => {
    @Module({
      providers: [{ provide: OWN, useFactory: async () => (made = await make().initialize()) }],
      exports: [OWN],
    })
    class DatabaseModule {}
    app = await launchReady(
      {
        imports: [
          DatabaseModule,
          ReplicaModule.forDataSource(OWN, { imports: [DatabaseModule], setHeaders: true }),
        ],
        controllers: [OwnController],
      },
      { platform },
    );
    await expectToBeRouted(app);
    expect(app.router).toBe(made.router);
  });
});

describe('ReplicaModule.forDataSource()', () => {
  it.each([undefined, null, {}, new DataSource({ type: 'postgres' })])('refuses %p', (given) => {
    expect(() => ReplicaModule.forDataSource(given as never, { setHeaders: 'yes' as never })).toThrow(
      new InvalidReplicaOptionsError([
        'forDataSource() needs a ReplicaDataSource, or the injection token of one',
        'setHeaders must be true or false, not string',
      ]),
    );
  });

  it('warns if the token stands for a data source that does not route, and uses it as it is', async () => {
    @Controller('rows')
    class RowsController {
      constructor(
        @InjectDataSource() private readonly dataSource: DataSource,
        readonly router: DataSourceRouter,
      ) {}

      @Get()
      rows(): Promise<unknown> {
        return this.dataSource.query('SELECT 1');
      }
    }
    @Module({
      providers: [{ provide: DataSource, useValue: { query: () => Promise.resolve([]) } }],
      exports: [DataSource],
    })
    class DatabaseModule {}
    const logger = new CapturedLogs();
    const app = await launch(
      {
        imports: [DatabaseModule, ReplicaModule.forDataSource(DataSource, { imports: [DatabaseModule] })],
        controllers: [RowsController],
      },
      { logger },
    );
    expect(await app.get('/rows')).toMatchObject({ status: 200, body: [] });
    expect(logger.lines.filter((line) => line.includes('no ReplicaDataSource'))).toHaveLength(1);
    await app.close();
  });
});
