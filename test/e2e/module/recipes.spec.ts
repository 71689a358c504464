import { describe, expect, it } from '@jest/globals';
import {
  type CanActivate,
  Controller,
  type ExecutionContext,
  type MiddlewareConsumer,
  Module,
  type NestModule,
  UseGuards,
} from '@nestjs/common';
import { fromCookie } from 'nestjs-replica';
import { readFileSync } from 'node:fs';
import request from 'supertest';
import { nameTheBrowser, userOf, waitForReplica } from './recipes.js';
import { startApp } from '../../support/app/start-app.js';
import type { TestApp } from '../../support/app/test-app.js';
import { REPLICA } from '../../support/app/routes.js';
import { useLedgerCluster, whilePaused } from '../../support/cluster/use-cluster.js';
import { LedgerController } from '../../support/ledger/ledger.controller.js';

/** Stands for any guard that finds out who the user is; it runs after the one of the module. */
class AuthenticationGuard implements CanActivate {
  canActivate(context: ExecutionContext): boolean {
    const incoming = context
      .switchToHttp()
      .getRequest<{ headers: Record<string, string>; user?: { id: string } }>();
    const id = incoming.headers['x-user'];
    if (id !== undefined) incoming.user = { id };
    return true;
  }
}

@Controller()
@UseGuards(AuthenticationGuard)
class GuardedController extends LedgerController {}

@Module({})
class BrowsersModule implements NestModule {
  configure(consumer: MiddlewareConsumer): void {
    consumer.apply(nameTheBrowser).forRoutes('{*path}');
  }
}

const cluster = useLedgerCluster({ replicas: 1 });

describe('the recipes', () => {
  async function withApp(session: object, work: (app: TestApp) => Promise<void>, others = {}): Promise<void> {
    const app = await startApp(cluster, [GuardedController], { session }, others);
    try {
      await work(app);
    } finally {
      await app.close();
    }
  }

  it('are those of the page', () => {
    const page = readFileSync('docs/recipes.md', 'utf8');
    const [, ...parts] = readFileSync('test/e2e/module/recipes.ts', 'utf8').split('\n\n');
    expect(parts).toHaveLength(4);
    for (const part of parts) expect(page).toContain(part.trim());
  });

  it('name a browser that has no cookie: it sees what its first request wrote, with replay paused', () =>
    withApp(
      { key: fromCookie('sid') },
      (app) =>
        whilePaused(cluster, async () => {
          const browser = request.agent(app.nest.getHttpServer());
          await browser.post('/accounts/1/add');
          expect((await browser.get('/accounts/1')).body).toMatchObject({ balance: 1 });
          expect((await app.get('/accounts/1')).body).toMatchObject({ balance: 0 });
          expect(app.router.counters().writesWithoutSession).toBe(0);
        }),
      { imports: [BrowsersModule] },
    ));

  it('find the user whom a guard of the application has found, after that of the module', () =>
    withApp({ key: userOf }, (app) =>
      whilePaused(cluster, async () => {
        const server = app.nest.getHttpServer();
        await request(server).post('/accounts/2/add').set('x-user', 'ann');
        const own = await request(server).get('/accounts/2').set('x-user', 'ann');
        expect(own.body).toMatchObject({ balance: 1 });
        expect(await app.get('/accounts/2')).toMatchObject({ body: { balance: 0 }, nodes: [REPLICA] });
      }),
    ));

  it.each<[string, (app: TestApp) => Promise<void>]>([
    ['of the cluster', () => cluster.waitForCatchUp()],
    ['of the router', (app) => waitForReplica(app.router)],
  ])('let a test that prepares data by a repository wait for it, by means %s', async (_, wait) =>
    withApp({ key: userOf }, async (app) => {
      for (let round = 1; round <= 5; round++) {
        await cluster.replicas[0]?.pauseReplay();
        const account = await app.accounts.save({ owner: `round ${round}`, balance: round });
        expect((await app.get(`/accounts/${account.id}`)).body).toEqual({});
        await cluster.replicas[0]?.resumeReplay();
        await wait(app);
        const { body, nodes } = await app.get(`/accounts/${account.id}`);
        expect({ balance: body.balance, nodes }).toEqual({ balance: round, nodes: [REPLICA] });
      }
    }),
  );
});
