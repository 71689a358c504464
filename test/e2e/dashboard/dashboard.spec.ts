import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import {
  type CanActivate,
  type DynamicModule,
  type ExecutionContext,
  Inject,
  Injectable,
  type INestApplication,
  Module,
  type NestInterceptor,
  VersioningType,
} from '@nestjs/common';
import { headerToken } from 'nestjs-replica';
import { type DashboardState, ReplicaDashboardModule } from 'nestjs-replica/dashboard';
import { getReplicaRouterToken, ReplicaPoolModule, type ReplicaRouter } from 'nestjs-replica/pool';
import { Test } from '@nestjs/testing';
import { map } from 'rxjs';
import request from 'supertest';
import { launch, PLATFORMS, startLedger } from '../../support/app/start-app.js';
import type { TestApp } from '../../support/app/test-app.js';
import { CapturedLogs } from '../../support/app/captured-logs.js';
import { useLedgerCluster } from '../../support/cluster/use-cluster.js';
import { Transcript } from '../../support/cluster/transcript.js';
import { until } from '../../support/until.js';
import { EventStream } from './support/event-stream.js';

const cluster = useLedgerCluster({ replicas: 1, count: 5 });

/** Lets in who says a name. */
@Injectable()
class NameGuard implements CanActivate {
  canActivate(context: ExecutionContext): boolean {
    const call = context.switchToHttp().getRequest<{ headers: Record<string, string>; user?: object }>();
    call.user = { username: call.headers['x-user'] };
    return call.headers['x-user'] !== undefined;
  }
}

/** As many applications have one: it puts each answer into an envelope. */
class EnvelopeInterceptor implements NestInterceptor {
  intercept: NestInterceptor['intercept'] = (_, next) =>
    next.handle().pipe(map((data: unknown) => ({ data })));
}

const ALICE = { 'x-user': 'alice' };

const starting = (
  platform: (typeof PLATFORMS)[number],
  options: Parameters<typeof ReplicaDashboardModule.forRoot>[0],
  changes: Parameters<typeof startLedger>[1] = {},
  configure: NonNullable<Parameters<typeof startLedger>[2]>['configure'] = () => {},
  logger = new CapturedLogs(),
): Promise<TestApp> =>
  startLedger(cluster, changes, {
    platform,
    imports: [ReplicaDashboardModule.forRoot(options)],
    configure,
    logger,
  });

describe.each(PLATFORMS)('the page on %s', (platform) => {
  let app: TestApp;
  let url: string;
  const logs = new CapturedLogs();

  beforeAll(async () => {
    app = await starting(
      platform,
      { path: 'admin/replica', guards: [NameGuard], actions: true },
      { session: { token: headerToken(), secrets: ['a secret of at least thirty-two letters'] } },
      (nest) => {
        nest.setGlobalPrefix('api');
        nest.enableVersioning({ type: VersioningType.URI, defaultVersion: '1' });
        nest.useGlobalInterceptors(new EnvelopeInterceptor());
      },
      logs,
    );
    url = `${await app.nest.getUrl()}/api/admin/replica`;
  });

  afterAll(() => app?.close());

  it('is at its path below the prefix, without a version, and relative to wherever a proxy puts it', async () => {
    const first = await request(url).get('').set(ALICE).expect(302);
    expect(first.headers.location).toBe('replica/');
    const { headers, text } = await request(url).get('/').set(ALICE).expect(200);
    expect(headers['content-type']).toBe('text/html; charset=utf-8');
    expect(headers['content-security-policy']).toBe(
      "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self'; " +
        "base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    );
    expect(headers['cache-control']).toBe('no-store');
    expect(headers).not.toHaveProperty('x-replica-node');
    const links = [...text.matchAll(/(?:href|src)="([^"]+)"/g)].map(([, link]) => link as string);
    expect(links).toHaveLength(4);
    expect(links.filter((link) => /^[a-z]+:|^\//.test(link))).toEqual([]);
    expect(text).not.toMatch(/<style|style=|<script(?! type="module" src=)/);
  });

  it('has files that browsers keep, compressed for those who want that', async () => {
    const { text } = await request(url).get('/').set(ALICE);
    for (const [, file] of text.matchAll(/(?:href|src)="(app-[^"]+)"/g)) {
      const plain = await fetch(`${url}/${file}`, { headers: { ...ALICE, 'accept-encoding': 'identity' } });
      const small = await fetch(`${url}/${file}`, { headers: { ...ALICE, 'accept-encoding': 'gzip' } });
      expect(plain.headers.get('cache-control')).toBe('private, max-age=31536000, immutable');
      expect(plain.headers.get('content-encoding')).toBeNull();
      expect(small.headers.get('content-encoding')).toBe('gzip');
      expect(plain.headers.get('content-type')).toMatch(/^(text\/css|text\/javascript|image\/svg)/);
      expect(await small.text()).toBe(await plain.text());
    }
    await request(url).get('/app-000000000000.js').set(ALICE).expect(404);
  });

  it.each(['', '/', '/state', '/events', '/actions/drain'])('lets the guards protect %j', async (path) => {
    const call = path.startsWith('/actions') ? request(url).post(path) : request(url).get(path);
    expect((await call).status).toBe(403);
  });

  it('tells the state, whatever interceptors make of other answers, and no credential', async () => {
    const { body, headers, text } = await request(url).get('/state').set(ALICE).expect(200);
    const state = body as DashboardState;
    expect(headers['cache-control']).toBe('no-store');
    expect(state).toMatchObject({ instance: { pid: process.pid }, hasActions: true });
    expect(state.dataSources).toHaveLength(1);
    expect(state.dataSources[0]).toMatchObject({
      name: 'default',
      isEnabled: true,
      topology: { primary: { health: 'up' }, replicas: [{ name: 'replica-1', health: 'up' }] },
      catalog: { isLoaded: true },
      stats: { sinceMs: expect.any(Number), fallbacks: 0 },
    });
    for (const { password } of cluster.nodes) expect(text).not.toContain(password);
    const { body: later } = await request(url)
      .get(`/state?since=${Date.now() + 60_000}`)
      .set(ALICE);
    expect((later as DashboardState).dataSources[0]?.history).toEqual([]);
    await request(url).get('/state?since=x&since=y').set(ALICE).expect(200);
  });

  it('uses neither the database nor a session', async () => {
    const transcript = new Transcript(cluster);
    await transcript.clear();
    const before = app.router.stats().routes;
    for (const path of ['', '/', '/state']) await request(url).get(path).set(ALICE);
    await act('disable', {}).expect(204);
    await act('enable', {}).expect(204);
    for (const { name } of cluster.nodes) expect(await transcript.of(name)).toEqual([]);
    expect(app.router.stats().routes).toEqual(before);
  });

  const act = (action: string, body: object, headers: Record<string, string> = {}): request.Test =>
    request(url)
      .post(`/actions/${action}`)
      .set({ ...ALICE, 'x-replica-dashboard': '1', 'sec-fetch-site': 'same-origin', ...headers })
      .send(body);

  const isDraining = (): boolean | undefined => app.router.topology().replicas[0]?.isDraining;

  it('drains and resumes, and logs who did it', async () => {
    await act('drain', { replica: 'replica-1' }).expect(204);
    expect(isDraining()).toBe(true);
    await act('resume', { replica: 'replica-1', dataSource: 'default' }).expect(204);
    expect(isDraining()).toBe(false);
    await act('disable', {}).expect(204);
    expect(app.router.isEnabled).toBe(false);
    await act('enable', {}).expect(204);
    expect(app.router.isEnabled).toBe(true);
    expect(
      logs
        .of('warn')
        .filter((line) => line.includes('alice'))
        .slice(-4),
    ).toEqual([
      'alice drains replica-1 of data source default ReplicaDashboard',
      'alice resumes replica-1 of data source default ReplicaDashboard',
      'alice sends everything to the primary of data source default ReplicaDashboard',
      'alice lets reads leave the primary of data source default again ReplicaDashboard',
    ]);
  });

  it.each([
    ['an unknown replica', 'drain', { replica: 'replica-9' }, 404],
    ['an unknown replica', 'resume', { replica: '__proto__' }, 404],
    ['the primary', 'drain', { replica: 'primary' }, 400],
    ['no replica', 'drain', {}, 400],
    ['something else', 'drain', { replica: ['replica-1'] }, 400],
    ['a list', 'drain', [], 400],
    ['an unknown data source', 'disable', { dataSource: 'reports' }, 404],
    ['an unknown action', 'promote', { replica: 'replica-1' }, 404],
    ['another process', 'drain', { replica: 'replica-1', instance: 'elsewhere:1' }, 409],
  ])('refuses %s: %s %j', async (_, action, body, status) => {
    await act(action, body).expect(status);
    expect([isDraining(), app.router.isEnabled]).toEqual([false, true]);
  });

  it.each([
    ['from another site', { 'sec-fetch-site': 'cross-site' }, 403],
    ['from a neighbour', { 'sec-fetch-site': 'same-site' }, 403],
    ['by an address that was typed', { 'sec-fetch-site': 'none' }, 403],
    ['without the header', { 'x-replica-dashboard': '' }, 403],
    ['as a form', { 'content-type': 'application/x-www-form-urlencoded' }, 415],
    ['as plain text', { 'content-type': 'text/plain' }, 415],
  ])('refuses what comes %s', async (_, headers: Record<string, string>, status) => {
    const { 'content-type': type } = headers;
    const call = act('drain', {}, headers);
    // Superagent would send JSON.
    const sent = type === undefined ? call : call.send('replica=replica-1');
    expect((await sent).status).toBe(status);
    expect(isDraining()).toBe(false);
  });

  it('believes the origin where the browser tells no more, and nobody who tells nothing', async () => {
    const headers = { ...ALICE, 'x-replica-dashboard': '1', 'content-type': 'application/json' };
    const statusOf = async (more: object): Promise<number> =>
      (
        await request(url)
          .post('/actions/enable')
          .set({ ...headers, ...more })
          .send('{}')
      ).status;
    expect(await statusOf({ origin: new URL(url).origin })).toBe(204);
    expect(await statusOf({ origin: 'http://evil.example' })).toBe(403);
    expect(await statusOf({ origin: 'null' })).toBe(403);
    expect(await statusOf({})).toBe(403);
  });
});

describe.each(PLATFORMS)('the events of the page on %s', (platform) => {
  let app: TestApp;

  afterEach(() => app.close());

  it('are the same for all viewers, and end when the application closes', async () => {
    app = await starting(platform, {});
    const url = `${await app.nest.getUrl()}/replica/events`;
    const viewers = await Promise.all([EventStream.open(url), EventStream.open(url)]);
    expect(viewers[0].response.headers.get('content-type')).toMatch(/^text\/event-stream/);
    const first = await Promise.all(viewers.map((viewer) => viewer.next()));
    expect(first[0]).toMatchObject({ hasActions: false, dataSources: [{ name: 'default' }] });
    const [a, b] = await Promise.all(viewers.map((viewer) => viewer.next()));
    expect(a).toEqual(b);
    const replica = cluster.replicas[0];
    await replica?.kill();
    await until(async () => {
      const state = await viewers[0].next();
      return state?.dataSources[0]?.topology?.replicas[0]?.health === 'down';
    }, 'the killed replica is down');
    await replica?.start();

    // Without buttons there is nothing to send to.
    const headers = { 'x-replica-dashboard': '1', 'sec-fetch-site': 'same-origin' };
    await app.http.post('/replica/actions/disable').set(headers).send({}).expect(404);

    await Promise.all([app.close(), ...viewers.map(untilEnd)]);
  });
});

async function untilEnd(viewer: EventStream): Promise<void> {
  while ((await viewer.next()) !== undefined);
}

describe('the page', () => {
  it('needs the data sources that it shall show', async () => {
    await expect(starting('express', { dataSources: ['default', 'reports'] })).rejects.toThrow(
      'there is no data source named reports',
    );
  });

  it('does not start if its factory lets anybody drain replicas, or is none', async () => {
    const page = ReplicaDashboardModule.forRootAsync({ useFactory: () => ({ actions: true }) });
    await expect(Test.createTestingModule({ imports: [page] }).compile()).rejects.toThrow('give guards');
    expect(() => ReplicaDashboardModule.forRootAsync({})).toThrow('needs one of useFactory');
    expect(() => ReplicaDashboardModule.forRootAsync({ path: 'x', useFactory: () => ({}) } as never)).toThrow(
      'path is not an option',
    );
  });
});

const PAGE = Symbol('settings of the page');

/** Stands for the configuration of an application, and for the service that its guards ask. */
@Module({
  providers: [{ provide: PAGE, useValue: { path: 'admin/pool', user: 'alice' } }],
  exports: [PAGE],
})
class ConfigModule {}

@Injectable()
class AskingGuard implements CanActivate {
  constructor(@Inject(PAGE) private readonly config: { user: string }) {}

  canActivate(context: ExecutionContext): boolean {
    const { headers } = context.switchToHttp().getRequest<{ headers: Record<string, string> }>();
    return headers['x-user'] === this.config.user;
  }
}

describe.each(PLATFORMS)('the page of a pool, with options of a factory, on %s', (platform) => {
  let nest: INestApplication;
  afterAll(() => nest?.close());

  it('shows pools and data sources, and has buttons if the factory says so', async () => {
    const page = (hasActions: boolean): DynamicModule =>
      ReplicaDashboardModule.forRootAsync({
        imports: [ConfigModule],
        inject: [PAGE],
        useFactory: (config: { path: string }) => ({
          path: hasActions ? config.path : 'quiet',
          guards: [AskingGuard],
          actions: hasActions,
          dataSources: ['notes'],
        }),
      });
    const pool = ReplicaPoolModule.forRoot({
      name: 'notes',
      primary: { url: cluster.primary.url },
      replicas: cluster.replicas.map(({ name, url }) => ({ name, url })),
    });
    ({ nest } = await launch({ imports: [pool, page(true), page(false)] }, { platform }));
    const url = await nest.getUrl();
    await request(url).get('/admin/pool/state').expect(403);
    await until(async () => {
      const { body } = await request(url).get('/admin/pool/state').set(ALICE).expect(200);
      expect(body).toMatchObject({
        hasActions: true,
        dataSources: [{ name: 'notes', topology: { replicas: [{ name: 'replica-1' }] } }],
      });
      const [source] = (body as DashboardState).dataSources;
      return source?.topology?.replicas[0]?.health === 'up' && source.stats.pools.length === 2;
    });
    const act = (path: string): request.Test =>
      request(url)
        .post(`/${path}/actions/drain`)
        .set({ ...ALICE, 'x-replica-dashboard': '1', 'sec-fetch-site': 'same-origin' })
        .send({ replica: 'replica-1' });
    await act('admin/pool').set('x-user', 'bob').expect(403);
    await act('quiet').expect(404);
    const router = nest.get<ReplicaRouter>(getReplicaRouterToken('notes'));
    expect(router.topology().replicas[0]?.isDraining).toBe(false);
    await act('admin/pool').expect(204);
    expect(router.topology().replicas[0]?.isDraining).toBe(true);
    await request(url).get('/replica/state').expect(404);
  });
});
