import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { Controller, Get, Header, Injectable, Sse } from '@nestjs/common';
import { InjectRepository } from '@nestjs/typeorm';
import { ForcePrimary, UseReplica } from 'nestjs-replica';
import type { PostgresCluster } from 'nestjs-replica/testing';
import { concat, defer, from, map, mergeMap, type Observable, Subject, timer } from 'rxjs';
import request from 'supertest';
import { Repository } from 'typeorm';
import { startAccountsCluster } from '../../e2e/module/support/accounts-cluster.js';
import { accountsOn, launchReady } from '../../e2e/module/support/launch.js';
import { ON_REPLICA, Routes } from '../../e2e/transports/support/routes.js';
import { Account } from '../../support/accounts.js';
import { type TestApp, until } from '../../support/test-app.js';

@Injectable()
class Reports {
  constructor(@InjectRepository(Account) readonly accounts: Repository<Account>) {}

  /** Called after the response it opens a context of its own. */
  @UseReplica()
  refresh(): Promise<number> {
    return this.accounts.count();
  }
}

@Controller()
class LateController {
  late: Promise<unknown> = Promise.resolve();
  readonly published = new Subject<void>();

  constructor(
    @InjectRepository(Account) private readonly accounts: Repository<Account>,
    private readonly reports: Reports,
  ) {}

  @Get('cold')
  cold(): Observable<number> {
    return defer(() => this.accounts.count());
  }

  @ForcePrimary()
  @Get('cold-forced')
  coldForced(): Observable<number> {
    return timer(5).pipe(mergeMap(() => this.accounts.count()));
  }

  @Header('cache-control', 'no-store')
  @Sse('events')
  events(): Observable<{ data: number }> {
    const read = defer(() => from(this.accounts.count()));
    return concat(read, timer(10).pipe(mergeMap(() => read))).pipe(map((data) => ({ data })));
  }

  @Get('timer')
  timer(): object {
    this.late = new Promise((resolve) => setTimeout(resolve, 30)).then(() => this.accounts.count());
    return {};
  }

  @Get('unawaited')
  async unawaited(): Promise<object> {
    const first = this.accounts.count();
    this.late = first.then(async () => {
      await new Promise((resolve) => setTimeout(resolve, 30));
      return this.accounts.count();
    });
    await first;
    return {};
  }

  @Get('late-decorated')
  lateDecorated(): object {
    this.late = new Promise((resolve) => setTimeout(resolve, 30)).then(() => this.reports.refresh());
    return {};
  }

  @Get('publish')
  publish(): object {
    this.published.next();
    return {};
  }
}

describe('what a request leaves running', () => {
  let cluster: PostgresCluster;
  let app: TestApp;
  let routes: Routes;
  let controller: LateController;

  beforeAll(async () => {
    cluster = await startAccountsCluster();
    app = await launchReady({
      imports: accountsOn(cluster),
      controllers: [LateController],
      providers: [Reports],
    });
    routes = new Routes(app.router);
    controller = app.nest.get(LateController);
  });

  beforeEach(() => {
    routes.take();
  });

  afterAll(async () => {
    await app?.close();
    await cluster.stop();
  });

  it('a cold observable that a handler returns runs inside the request', async () => {
    expect(await app.get('/cold')).toMatchObject({ reasons: ['session-free'] });
    expect(await app.get('/cold-forced')).toMatchObject({ reasons: ['forced-primary'] });
  });

  it('server-sent events are read inside the request to the last', async () => {
    const { text } = await request(app.nest.getHttpServer()).get('/events');
    expect(text.match(/data: 100/g)).toHaveLength(2);
    expect(routes.take()).toEqual([ON_REPLICA, ON_REPLICA]);
  });

  it('a timer reads from the primary', async () => {
    await app.get('/timer');
    await controller.late;
    expect(routes.take()).toEqual(['primary no-context']);
  });

  it('a promise that nobody awaited reads from the primary after the response', async () => {
    await app.get('/unawaited');
    expect(routes.take()).toEqual([ON_REPLICA]);
    await controller.late;
    expect(routes.take()).toEqual(['primary no-context']);
  });

  it('a decorated method opens a context of its own', async () => {
    await app.get('/late-decorated');
    await controller.late;
    expect(routes.take()).toEqual([ON_REPLICA]);
  });

  it('a subscriber to a subject runs in the context of whoever publishes', async () => {
    const counts: number[] = [];
    const accounts = app.accounts;
    const subscription = controller.published
      .pipe(mergeMap(() => accounts.count()))
      .subscribe((count) => counts.push(count));
    await app.get('/publish');
    await until(() => counts.length > 0, 'the subscriber');
    controller.published.next();
    await until(() => counts.length > 1, 'the subscriber');
    subscription.unsubscribe();
    expect(routes.take()).toEqual([ON_REPLICA, 'primary no-context']);
  });
});
