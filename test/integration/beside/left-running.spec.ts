import type { Server, ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { beforeAll, describe, expect, it } from '@jest/globals';
import { Controller, Get, Header, Injectable, Sse } from '@nestjs/common';
import { InjectRepository } from '@nestjs/typeorm';
import { ForcePrimary, UseReplica } from 'nestjs-replica';
import { setTimeout as delay } from 'node:timers/promises';
import { concat, defer, firstValueFrom, from, map, mergeMap, type Observable, Subject, timer } from 'rxjs';
import { Repository } from 'typeorm';
import { useApp } from '../../support/app/start-app.js';
import { useRoutes, ON_REPLICA } from '../../support/app/routes.js';
import { until } from '../../support/until.js';
import { useLedgerCluster } from '../../support/cluster/use-cluster.js';
import { Account } from '../../support/ledger/accounts.js';

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
  readonly begun = new Subject<void>();
  readonly gone = new Subject<void>();

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
    this.late = delay(30).then(() => this.accounts.count());
    return {};
  }

  @Get('unawaited')
  async unawaited(): Promise<object> {
    const first = this.accounts.count();
    this.late = first.then(async () => {
      await delay(30);
      return this.accounts.count();
    });
    await first;
    return {};
  }

  @UseReplica({ replica: 'replica-2', consistency: 'eventual' })
  @Get('left')
  left(): Promise<object> {
    return this.readOn();
  }

  @UseReplica({ replica: 'replica-2' })
  @Get('left-session')
  leftSession(): Promise<object> {
    return this.readOn();
  }

  /** What a report does whose client has gone. */
  private async readOn(): Promise<object> {
    await this.accounts.count();
    const goOn = firstValueFrom(this.gone);
    this.begun.next();
    this.late = goOn.then(async () => {
      await this.accounts.count();
      await this.accounts.increment({ id: 1 }, 'balance', 1);
      return this.accounts.sum('balance');
    });
    await this.late;
    return {};
  }

  @Get('late-decorated')
  lateDecorated(): object {
    this.late = delay(30).then(() => this.reports.refresh());
    return {};
  }

  @Get('publish')
  publish(): object {
    this.published.next();
    return {};
  }
}

const cluster = useLedgerCluster();

describe('what a request leaves running', () => {
  const app = useApp(cluster, [LateController], {}, { providers: [Reports] });
  const routes = useRoutes(app);
  let controller: LateController;

  beforeAll(() => {
    controller = app.nest.get(LateController);
  });

  it('a cold observable that a handler returns runs inside the request', async () => {
    expect(await app.get('/cold')).toMatchObject({ reasons: ['session-free'] });
    expect(await app.get('/cold-forced')).toMatchObject({ reasons: ['forced-primary'] });
  });

  it('server-sent events are read inside the request to the last', async () => {
    const { text } = await app.http.get('/events');
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

  /** Asks, and gives up when the handler has begun; the handler goes on when its response is closed. */
  async function giveUp(path: string): Promise<unknown> {
    const begun = firstValueFrom(controller.begun);
    const server = app.nest.getHttpServer() as Server;
    const closed = new Promise<void>((resolve) =>
      server.once('request', (_, response: ServerResponse) => response.once('close', resolve)),
    );
    const abort = new AbortController();
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}${path}`;
    const asking = fetch(url, { signal: abort.signal }).catch(() => undefined);
    await begun;
    abort.abort();
    await Promise.all([asking, closed]);
    routes.take();
    controller.gone.next();
    return controller.late;
  }

  it('an intent that promises nobody anything goes on when the client has given up', async () => {
    const sum = await giveUp('/left');
    const [first, write, last] = routes.take();
    expect([first, write]).toEqual(['replica eventual', 'primary write']);
    // Its own write is seen, wherever that takes it.
    expect(sum).toBe(1);
    expect(last).toMatch(/eventual|own-write|no-eligible-replica/);
  });

  it('a session is over when the client has given up: what goes on reads from the primary', async () => {
    await giveUp('/left-session');
    expect(routes.take()).toEqual(['primary no-context', 'primary write', 'primary no-context']);
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
