import { spawnSync } from 'node:child_process';
import { NestFactory } from '@nestjs/core';
import { TerminusModule } from '@nestjs/terminus';
import { getDataSourceToken } from '@nestjs/typeorm';
import { ReplicaHealthIndicator } from 'nestjs-replica/terminus';
import { DataSource } from 'typeorm';
import { AppModule, ARCHIVE } from '../src/app.module';
import { Client } from '../src/client';
import { Database, start, Started } from '../src/start';

// A machine without a MariaDB tests PostgreSQL alone.
const hasMariadb = spawnSync('mariadbd', ['--version']).error === undefined;
const databases: Database[] = hasMariadb ? ['postgres', 'mariadb'] : ['postgres'];

describe.each(databases)('a CommonJS application on Nest 11, TypeORM 0.3 and %s', (database) => {
  let application: Started;

  beforeAll(async () => {
    application = await start(database);
  });

  afterAll(() => application?.stop());

  it('shows a client what it has just written, again and again', async () => {
    const alice = new Client(application.baseUrl, 'alice');
    for (let round = 1; round <= 20; round++) {
      const written = await alice.post('/products', { name: `kettle ${round}` });
      expect(written).toMatchObject({ status: 201, node: 'primary' });

      const seen = await alice.get(`/products/${written.body.id}`);
      expect(seen).toMatchObject({ status: 200, body: written.body });
    }
  });

  it('shows a client what it has just written while no replica has it', async () => {
    const { replicas } = application.cluster;
    await Promise.all(replicas.map((replica) => replica.pauseReplay()));
    const alice = new Client(application.baseUrl, 'alice');
    const written = await alice.post('/products', { name: 'late kettle' });
    const seen = await alice.get(`/products/${written.body.id}`);
    await Promise.all(replicas.map((replica) => replica.resumeReplay()));

    expect(seen).toMatchObject({ status: 200, node: 'primary', body: written.body });
  });

  it('serves plain reads from the replicas', async () => {
    await application.cluster.waitForCatchUp();
    const anyone = new Client(application.baseUrl);
    await anyone.getFromReplica('/products');

    const reads = await Promise.all(Array.from({ length: 20 }, () => anyone.get('/products')));
    const nodes = new Set(reads.map((read) => read.node));
    expect([...nodes].sort()).toEqual(['replica-1', 'replica-2']);
  });

  it('reads from the primary where the handler says @ForcePrimary()', async () => {
    const read = await new Client(application.baseUrl).get('/products/on-the-primary');
    expect(read).toMatchObject({ status: 200, node: 'primary' });
  });

  it('reads from a replica in a POST where the handler says @UseReplica()', async () => {
    const search = await new Client(application.baseUrl).post('/products/search', { name: 'kettle' });
    expect(search).toMatchObject({ status: 201, node: expect.stringMatching(/^replica-[12]$/) });
  });

  it('is up, but says that it is degraded, where Terminus knows no other word for it', async () => {
    const module = {
      module: class HealthModule {},
      imports: [AppModule.on(application.cluster, database), TerminusModule],
      providers: [ReplicaHealthIndicator],
    };
    const context = await NestFactory.createApplicationContext(module, { logger: ['error', 'warn'] });
    const health = () => context.get(ReplicaHealthIndicator).isReady('database', { minReplicas: 3 }).database;
    while (health().status !== 'up') await new Promise((resolve) => setTimeout(resolve, 20));
    expect(health()).toMatchObject({ status: 'up', degraded: true, primary: 'up', replicas: 2 });
    await context.close();
  });

  it('has a live page of both data sources', async () => {
    const page = await fetch(`${application.baseUrl}/replica`);
    expect(page.url).toBe(`${application.baseUrl}/replica/`);
    const [, script] = /src="([^"]+)"/.exec(await page.text()) ?? [];
    expect((await fetch(new URL(script, page.url))).headers.get('content-type')).toMatch(/javascript/);
    const state = await (await fetch(new URL('state', page.url))).json();
    expect(state.dataSources.map(({ name }: { name: string }) => name)).toEqual(['default', ARCHIVE]);
    expect(state.dataSources[0].topology.replicas).toHaveLength(2);
  });

  it('closes each data source, also the one that has a name', async () => {
    const options = { logger: ['error', 'warn'] as ('error' | 'warn')[], abortOnError: false };
    const another = await NestFactory.create(AppModule.on(application.cluster, database), options);
    await another.init();
    const dataSources = [getDataSourceToken(), getDataSourceToken(ARCHIVE)].map((token) =>
      another.get<DataSource>(token),
    );
    expect(dataSources.map(({ isInitialized }) => isInitialized)).toEqual([true, true]);
    await another.close();
    expect(dataSources.map(({ isInitialized }) => isInitialized)).toEqual([false, false]);
  });
});
