import { describe, expect, it } from '@jest/globals';
import { Controller, Get, Post } from '@nestjs/common';
import { Test } from '@nestjs/testing';
import { getDataSourceToken, InjectDataSource } from '@nestjs/typeorm';
import { cookieToken, DataSourceRouter, fromCookie, ReplicaModule, UseReplica } from 'nestjs-replica';
import request from 'supertest';
import { DataSource } from 'typeorm';
import { CapturedLogs } from './support/captured-logs.js';

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

  it('is told of by an error where dataSourceFactory makes one that routes nothing', async () => {
    const module = Test.createTestingModule({
      imports: [
        ReplicaModule.forRootAsync({
          useFactory: () => ({ ...OPTIONS, retryAttempts: 1 }),
          dataSourceFactory: () => new DataSource({ type: 'postgres' }),
        }),
      ],
    }).setLogger(new CapturedLogs());
    await expect(module.compile()).rejects.toThrow(/dataSourceFactory has to give a ReplicaDataSource/);
  });
});
