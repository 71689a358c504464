import { describe, expect, it } from '@jest/globals';
import { Controller, Get, Post } from '@nestjs/common';
import { Test } from '@nestjs/testing';
import { getDataSourceToken, InjectDataSource, type TypeOrmModuleOptions } from '@nestjs/typeorm';
import {
  cookieToken,
  DataSourceRouter,
  fromCookie,
  ReplicaDataSource,
  type ReplicaDataSourceOptions,
  ReplicaModule,
  UseReplica,
} from 'nestjs-replica';
import request from 'supertest';
import { DataSource, type DataSourceOptions } from 'typeorm';
import { CapturedLogs } from '../../support/app/captured-logs.js';
import { engineOf } from '../../../libs/replica/src/engine/replica-router.js';

@Controller()
class RowsController {
  constructor(
    @InjectDataSource() private readonly dataSource: DataSource,
    private readonly router: DataSourceRouter,
  ) {}

  @Get('rows')
  rows(): Promise<unknown> {
    return this.dataSource.query('SELECT 1');
  }

  @Post('rows')
  @UseReplica()
  write(): Promise<unknown> {
    return this.router.runOnPrimary(() => this.dataSource.query('INSERT'));
  }
}

/** Nobody listens there: whoever connects fails. */
const OPTIONS = {
  type: 'postgres' as const,
  url: 'postgres://a:b@127.0.0.1:1/c',
  replicas: [{ host: '127.0.0.1', port: 1 }],
};

const mock = (): object => ({
  isInitialized: true,
  options: { type: 'postgres' },
  query: (text: string) => Promise.resolve([{ mocked: text }]),
  destroy: () => Promise.resolve(),
});

describe('a data source that a test has put in place of the real one', () => {
  it.each([
    ['DataSource', DataSource, fromCookie('sid')],
    ['getDataSourceToken()', getDataSourceToken(), cookieToken({ secure: false })],
  ] as const)('is used, and requests are answered: %s', async (_name, token, session) => {
    const options =
      typeof session === 'function'
        ? { ...OPTIONS, session: { key: session } }
        : { ...OPTIONS, session: { token: session, secrets: ['a secret that is long enough for this'] } };
    const module = await Test.createTestingModule({
      imports: [ReplicaModule.forRoot(options as never)],
      controllers: [RowsController],
    })
      .overrideProvider(token)
      .useValue(mock())
      .compile();
    const app = module.createNestApplication();
    await app.init();
    try {
      const server = app.getHttpServer() as Parameters<typeof request>[0];
      const read = await request(server).get('/rows').set('cookie', 'sid=ann').expect(200);
      expect(read.body).toEqual([{ mocked: 'SELECT 1' }]);
      const written = await request(server).post('/rows').set('cookie', 'sid=ann').expect(201);
      expect(written.body).toEqual([{ mocked: 'INSERT' }]);
      expect(module.get(DataSourceRouter).counters().failedSessionSaves).toBe(0);
    } finally {
      await app.close();
    }
  });

  it('may stand for one whose nodes are given as TypeORM has them, with rules for its tables', async () => {
    const node = { url: 'postgres://a:b@127.0.0.1:1/c' };
    const module = await Test.createTestingModule({
      imports: [
        ReplicaModule.forRoot({
          type: 'postgres',
          replication: { master: node, slaves: [{ ...node, name: 'reports' } as typeof node] },
          tables: { sales: 'reports' },
        }),
      ],
      controllers: [RowsController],
    })
      .overrideProvider(DataSource)
      .useValue(mock())
      .compile();
    expect(engineOf(module.get(DataSourceRouter)).hasReplicas).toBe(false);
    await module.close();
  });

  /** What starting the application ends with, and how often it tried again. */
  async function compiledWith(
    make: (options: DataSourceOptions) => DataSource,
    nest: Pick<TypeOrmModuleOptions, 'retryAttempts' | 'retryDelay' | 'toRetry'> = {},
  ): Promise<{ failure: unknown; retries: number }> {
    const logs = new CapturedLogs();
    const module = Test.createTestingModule({
      imports: [
        ReplicaModule.forRootAsync({
          useFactory: () => ({ ...OPTIONS, ...nest }),
          dataSourceFactory: (options) => make(options),
        }),
      ],
    }).setLogger(logs);
    const failure = await module.compile().catch((error: unknown) => error);
    return { failure, retries: logs.lines.filter((line) => line.includes('Retrying')).length };
  }

  class OwnDataSource extends DataSource {}

  it.each<[string, (options: DataSourceOptions) => DataSource]>([
    ['of other options', () => new DataSource({ type: 'postgres' })],
    ['of a class of its own', (options) => new OwnDataSource(options)],
    [
      'with a method of its own',
      (options) => Object.assign(new DataSource(options), { query: () => Promise.resolve([]) }),
    ],
    ['that is none', () => mock() as DataSource],
  ])('is an error if dataSourceFactory makes one %s, which does not route', async (_, make) => {
    const { failure, retries } = await compiledWith(make);
    expect(failure).toMatchObject({
      message: expect.stringMatching(/dataSourceFactory has to give a ReplicaDataSource/),
    });
    expect(failure).toBeInstanceOf(TypeError);
    expect(retries).toBe(0);
  });

  it('reports mistakes in the options of dataSourceFactory itself, and does not try again', async () => {
    const { failure, retries } = await compiledWith(
      (options) => new ReplicaDataSource({ ...(options as ReplicaDataSourceOptions<never>), maxLagMs: -1 }),
    );
    expect(failure).toMatchObject({ problems: ['maxLagMs must be a number of at least 1, not -1'] });
    expect(retries).toBe(0);
  });

  it.each([
    ['again', undefined, 2],
    ['as often as toRetry of the application lets it', () => false, 0],
  ])('tries %s if dataSourceFactory fails for another reason', async (_, toRetry, retries) => {
    const reason = new Error('the vault is closed');
    const made = await compiledWith(
      () => {
        throw reason;
      },
      { retryAttempts: 2, retryDelay: 1, toRetry },
    );
    expect(made).toEqual({ failure: reason, retries });
  });
});
