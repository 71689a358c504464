import { afterEach, describe, expect, it } from '@jest/globals';
import { Controller, Get, Injectable, type INestApplication, Post } from '@nestjs/common';
import { FastifyAdapter } from '@nestjs/platform-fastify';
import { TerminusModule } from '@nestjs/terminus';
import { Test } from '@nestjs/testing';
import { drizzle, type NodePgDatabase } from 'drizzle-orm/node-postgres';
import { sql } from 'drizzle-orm';
import {
  ForcePrimary,
  fromHeader,
  getRoutingPoolToken,
  InjectReplicaRouter,
  InjectRoutingPool,
  ReplicaPoolModule,
  ReplicaRouter,
  UseReplica,
  type ReplicaPoolModuleOptions,
  type RoutingPool,
} from 'nestjs-replica/pool';
import { ReplicaHealthIndicator } from 'nestjs-replica/terminus';
import request from 'supertest';
import { isReady } from '../support/app/test-app.js';
import { useCluster, whilePaused } from '../support/cluster/use-cluster.js';
import { until } from '../support/until.js';

const cluster = useCluster({
  replicas: 1,
  sql: "CREATE TABLE note (id serial PRIMARY KEY, text text); INSERT INTO note (text) VALUES ('first')",
});

@Injectable()
class Notes {
  private readonly db: NodePgDatabase;

  constructor(@InjectRoutingPool() pool: RoutingPool) {
    this.db = drizzle({ client: pool });
  }

  count() {
    return this.db.execute(sql`SELECT count(*)::int AS count FROM note`);
  }

  // Its query begins when somebody awaits it, outside of this method.
  @UseReplica()
  countOnReplica() {
    return this.count();
  }

  add(text: string) {
    return this.db.execute(sql`INSERT INTO note (text) VALUES (${text})`);
  }
}

@Controller('notes')
class NotesController {
  constructor(private readonly notes: Notes) {}

  @Get()
  async count() {
    return (await this.notes.count()).rows[0];
  }

  @Get('primary')
  @ForcePrimary()
  async countOnPrimary() {
    return (await this.notes.count()).rows[0];
  }

  @Post()
  async add() {
    await this.notes.add('second');
    return {};
  }
}

@Injectable()
class Watcher {
  constructor(@InjectReplicaRouter() readonly router: ReplicaRouter) {}
}

const options = (): ReplicaPoolModuleOptions => ({
  primary: { url: cluster.primary.url },
  replicas: cluster.replicas.map(({ name, url }) => ({ name, url })),
  session: { key: fromHeader('x-session') },
  setHeaders: true,
  maxLagMs: 25_000,
  monitor: { intervalMs: 100, probeTimeoutMs: 5_000 },
});

let app: INestApplication | undefined;
afterEach(async () => app?.close());

async function start(
  module: ReturnType<typeof ReplicaPoolModule.forRoot>,
  isFastify = false,
): Promise<INestApplication> {
  const built = await Test.createTestingModule({
    imports: [module],
    controllers: [NotesController],
    providers: [Notes, Watcher],
  }).compile();
  app = isFastify ? built.createNestApplication(new FastifyAdapter()) : built.createNestApplication();
  await app.listen(0);
  await until(() => isReady(built.get(Watcher).router), 'replicas without lag');
  return app;
}

describe('ReplicaPoolModule', () => {
  it.each([
    ['express', false],
    ['fastify', true],
  ])('gives requests their sessions on %s', async (_, isFastify) => {
    const http = request((await start(ReplicaPoolModule.forRoot(options()), isFastify)).getHttpServer());
    const { body, headers } = await http.get('/notes').set('x-session', 'a');
    expect(headers['x-replica-node']).toBe('replica-1');
    expect((await http.get('/notes/primary')).headers['x-replica-reason']).toBe('forced-primary');
    await whilePaused(cluster, async () => {
      await http.post('/notes').set('x-session', 'a').expect(201);
      const own = await http.get('/notes').set('x-session', 'a');
      expect(own.body).toEqual({ count: body.count + 1 });
      expect(own.headers['x-replica-node']).toBe('primary');
      expect((await http.get('/notes').set('x-session', 'b')).body).toEqual(body);
    });
  });

  it('runs what a decorated method returns where the decorator says, though it is awaited later', async () => {
    const started = await start(
      ReplicaPoolModule.forRootAsync({ useFactory: () => Promise.resolve(options()), isGlobal: true }),
    );
    const { router } = started.get<RoutingPool>(getRoutingPoolToken());
    const nodes: (string | null)[] = [];
    router.on('statement', ({ node }) => void nodes.push(node));
    await started.get(Notes).countOnReplica();
    await started.get(Notes).count();
    expect(nodes).toEqual(['replica-1', 'primary']);
    expect(started.get(ReplicaRouter)).toBe(router);
  });

  it('tells Terminus its health, and explains where statements go', async () => {
    const built = await Test.createTestingModule({
      imports: [ReplicaPoolModule.forRoot(options()), TerminusModule],
      providers: [ReplicaHealthIndicator],
    }).compile();
    app = built.createNestApplication();
    await app.init();
    const { router } = built.get<RoutingPool>(getRoutingPoolToken());
    const health = built.get(ReplicaHealthIndicator);
    await until(() => isReady(router), 'replicas without lag');
    const ready = { status: 'up', primary: 'up', replicas: 1, serving: 1 };
    expect(health.isReady('pool', { minReplicas: 1, needs: 'write' })).toEqual({ pool: ready });
    expect(health.isReady('pool', { minReplicas: 2 })).toMatchObject({ pool: { serving: 1 } });
    const explained = await router.explain('SELECT text FROM note', { session: 'reader' });
    expect(explained).toMatchObject({
      kind: 'read',
      tables: ['note'],
      node: 'replica-1',
      reason: 'session-free',
      candidates: [
        { node: 'primary', eligible: true },
        { node: 'replica-1', eligible: true, why: null },
      ],
    });
    const written = await router.explain('DELETE FROM note');
    expect(written).toMatchObject({ kind: 'write', node: 'primary' });
    await router.drain('replica-1');
    expect(health.isReady('pool', { minReplicas: 1 })).toMatchObject({ pool: { serving: 0 } });
    const drained = await router.explain('SELECT text FROM note');
    expect(drained).toMatchObject({
      node: 'primary',
      candidates: [{}, { eligible: false, why: 'draining' }],
    });
    await app.close();
    expect(health.isReady('pool')).toMatchObject({ pool: { status: 'down' } });
    app = undefined;
  });

  it('lists all mistakes at boot', async () => {
    const wrong = { ...options(), max: 3, maxLagMs: -1, setHeaders: 1, primary: undefined } as never;
    const outcome = start(ReplicaPoolModule.forRoot(wrong));
    await expect(outcome).rejects.toMatchObject({
      name: 'InvalidReplicaOptionsError',
      problems: [
        'max is called pool: { size } here',
        expect.stringContaining('maxLagMs must be a number of at least 1'),
        expect.stringContaining('primary is missing'),
        'setHeaders must be true or false, not number',
      ],
    });
    expect(() => ReplicaPoolModule.forRootAsync({ primary: {} } as never)).toThrow(
      'primary is not an option',
    );
  });

  it('lets tests replace the pool', async () => {
    const fake = {
      query: () => Promise.resolve({ rows: [{ count: 7 }] }),
      end: () => Promise.reject(new Error('not ours')),
    };
    const built = await Test.createTestingModule({
      imports: [ReplicaPoolModule.forRoot(options())],
      controllers: [NotesController],
      providers: [Notes],
    })
      .overrideProvider(getRoutingPoolToken())
      .useValue(fake)
      .compile();
    app = built.createNestApplication();
    await app.listen(0);
    expect((await request(app.getHttpServer()).get('/notes')).body).toEqual({ count: 7 });
  });
});
