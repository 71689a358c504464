import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { Body, Controller, Get, Inject, Param, Post } from '@nestjs/common';
import { Test } from '@nestjs/testing';
import { getRepositoryToken } from '@nestjs/typeorm';
import { ForcePrimary, fromHeader, ReplicaDataSource, ReplicaModule, UseReplica } from 'nestjs-replica';
import { DataSource, type Repository } from 'typeorm';
import { isReady, TestApp } from '../support/app/test-app.js';
import { pauseReplay, resumeReplay, useCluster } from '../support/cluster/use-cluster.js';
import { until } from '../support/until.js';
import { Product } from './support/product.js';

@Controller('products')
class ProductsController {
  constructor(@Inject(getRepositoryToken(Product)) private readonly products: Repository<Product>) {}

  @Post()
  add(@Body() { name }: { name: string }): Promise<Product> {
    return this.products.save({ name });
  }

  @Get('count')
  @UseReplica({ consistency: 'eventual' })
  count(): Promise<number> {
    return this.products.count();
  }

  @Get('exact/:name')
  @ForcePrimary()
  exact(@Param('name') name: string): Promise<Product | null> {
    return this.products.findOneBy({ name });
  }

  @Get(':name')
  find(@Param('name') name: string): Promise<Product | null> {
    return this.products.findOneBy({ name });
  }
}

const cluster = useCluster({ database: 'mariadb' });
const REPLICA = expect.stringMatching(/^(?!primary)/);

describe.each(['mariadb', 'mysql'] as const)("a Nest application with type: '%s'", (type) => {
  let app: TestApp;

  beforeAll(async () => {
    const module = await Test.createTestingModule({
      imports: [
        ReplicaModule.forRootAsync({
          useFactory: () => ({
            type,
            replication: {
              master: { url: cluster.primary.url },
              slaves: cluster.replicas.map(({ url }) => ({ url })),
              selector: 'RR',
              canRetry: true,
            },
            entities: [Product],
            synchronize: true,
            dropSchema: true,
            timezone: 'Z',
            session: { key: fromHeader('x-session') },
            monitor: { intervalMs: 100 },
            setHeaders: true,
          }),
        }),
        ReplicaModule.forFeature([Product]),
      ],
      controllers: [ProductsController],
    }).compile();
    const nest = module.createNestApplication();
    await nest.listen(0);
    app = new TestApp(nest);
  });
  afterAll(() => app.close());
  beforeEach(async () => {
    await resumeReplay(cluster);
    await cluster.waitForCatchUp();
    await until(() => isReady(app.router), 'replicas without lag');
  });

  const add = (name: string, session: string): Promise<unknown> =>
    Promise.resolve(app.http.post('/products').set('x-session', session).send({ name }).expect(201));

  it('writes to the primary and reads from replicas', async () => {
    await add('pen', 'ann');
    await cluster.waitForCatchUp();
    await until(() => isReady(app.router));
    expect(await app.get('/products/pen', 'bob')).toMatchObject({ body: { name: 'pen' }, nodes: [REPLICA] });
    expect(await app.get('/products/pen', 'ann')).toMatchObject({ body: { name: 'pen' } });
  });

  it('shows each session its own writes, and others what a replica has', async () => {
    await pauseReplay(cluster);
    await add('ink', 'ann');
    expect(await app.get('/products/ink', 'ann')).toMatchObject({
      body: { name: 'ink' },
      nodes: ['primary'],
    });
    expect(await app.get('/products/ink', 'bob')).toMatchObject({ body: {}, nodes: [REPLICA] });
    await resumeReplay(cluster);
    await cluster.waitForCatchUp();
    await until(async () => (await app.get('/products/ink', 'ann')).nodes[0] !== 'primary');
    expect(await app.get('/products/ink', 'ann')).toMatchObject({ body: { name: 'ink' } });
  });

  it('obeys the decorators', async () => {
    await pauseReplay(cluster);
    await add('cup', 'ann');
    expect(await app.get('/products/exact/cup', 'bob')).toMatchObject({
      body: { name: 'cup' },
      nodes: ['primary'],
    });
    expect(await app.get('/products/count', 'ann')).toMatchObject({ nodes: [REPLICA] });
  });
});

it.each(['mariadb', 'mysql'] as const)(
  "a plain DataSource with type: '%s' gives way to one that routes",
  async (type) => {
    const module = await Test.createTestingModule({
      imports: [
        ReplicaModule.forRootAsync({
          useFactory: () => ({
            type,
            primary: { url: cluster.primary.url },
            replicas: cluster.replicas.map(({ url }) => ({ url })),
          }),
          dataSourceFactory: (options) => new DataSource(options).initialize(),
        }),
      ],
    }).compile();
    const data = module.get(DataSource);
    expect(await data.query('SELECT 1 AS one')).toEqual([{ one: 1 }]);
    expect(data).toBeInstanceOf(ReplicaDataSource);
    await module.close();
  },
);
