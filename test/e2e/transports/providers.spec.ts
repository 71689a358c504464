import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import {
  Controller,
  type DynamicModule,
  Get,
  Injectable,
  Module,
  type OnModuleInit,
  Post,
  Scope,
} from '@nestjs/common';
import { ModuleRef } from '@nestjs/core';
import { InjectRepository } from '@nestjs/typeorm';
import { DataSourceRouter, ForcePrimary, UseReplica } from 'nestjs-replica';
import { setTimeout as delay } from 'node:timers/promises';
import { defer, lastValueFrom, type Observable, Subject } from 'rxjs';
import { Repository } from 'typeorm';
import { engineOf } from '../../../libs/replica/src/engine/replica-router.js';
import { launchReady, accountsOn } from '../../support/app/start-app.js';
import type { TestApp } from '../../support/app/test-app.js';
import { Routes, ON_REPLICA } from '../../support/app/routes.js';
import { useLedgerCluster, whilePaused } from '../../support/cluster/use-cluster.js';
import { Account } from '../../support/ledger/accounts.js';

const MARK = 'a mark of some other decorator';

function marked(name: string): MethodDecorator {
  return (_target, _key, descriptor) => {
    Reflect.defineMetadata(name, MARK, descriptor.value as object);
  };
}

/** As tracing and logging decorators do it: puts a function of its own in the method's place, and copies nothing. */
function replacing(): MethodDecorator {
  return ((_target: object, _key: string, descriptor: PropertyDescriptor) => {
    const method = descriptor.value as (...args: unknown[]) => unknown;
    descriptor.value = function (this: unknown, ...args: unknown[]) {
      return method.apply(this, args);
    };
  }) as MethodDecorator;
}

@Injectable()
class ReportService {
  late: Promise<unknown> = Promise.resolve();

  constructor(
    @InjectRepository(Account) readonly accounts: Repository<Account>,
    readonly router: DataSourceRouter,
  ) {}

  plain(): Promise<number> {
    return this.accounts.count();
  }

  @UseReplica()
  read(): Promise<number> {
    return this.accounts.count();
  }

  @ForcePrimary()
  forced(): Promise<number> {
    return this.accounts.count();
  }

  @marked('above')
  @UseReplica({ consistency: 'eventual' })
  @marked('below')
  named(_one: number, _two: number): Promise<number> {
    return this.accounts.count();
  }

  @replacing()
  @ForcePrimary()
  replaced(): Promise<number> {
    return this.accounts.count();
  }

  @UseReplica()
  @replacing()
  replacedBelow(): Promise<number> {
    return this.accounts.count();
  }

  @UseReplica()
  sync(): string {
    return 'at once';
  }

  @UseReplica()
  syncThrows(): never {
    throw new RangeError('at once');
  }

  @UseReplica()
  async fails(): Promise<never> {
    await this.accounts.count();
    throw new RangeError('later');
  }

  @UseReplica()
  async readWriteRead(id: number): Promise<number> {
    await this.accounts.findOneByOrFail({ id });
    await this.accounts.increment({ id }, 'balance', 1);
    return (await this.accounts.findOneByOrFail({ id })).balance;
  }

  @UseReplica()
  async leavesWorkRunning(): Promise<void> {
    await this.accounts.count();
    this.late = delay(20).then(() => this.accounts.count());
  }

  @UseReplica()
  cold(): Observable<number> {
    return defer(() => this.accounts.count());
  }

  @ForcePrimary()
  coldForced(): Observable<number> {
    return defer(() => this.accounts.count());
  }

  @UseReplica()
  subject(): Subject<number> {
    return new Subject<number>();
  }

  @UseReplica()
  request(): unknown {
    return engineOf(this.router).contexts.current()?.request;
  }
}

/** Its class's decorator is for calls from outside. */
@Injectable()
@UseReplica()
class CatalogueService implements OnModuleInit {
  atStart: unknown = 'not asked';

  constructor(
    @InjectRepository(Account) readonly accounts: Repository<Account>,
    readonly router: DataSourceRouter,
  ) {}

  onModuleInit(): void {
    this.atStart = engineOf(this.router).contexts.current();
  }

  list(): Promise<number> {
    return this.accounts.count();
  }

  @ForcePrimary()
  exact(): Promise<number> {
    return this.list();
  }

  onThePrimary(): Promise<number> {
    return this.router.runOnPrimary(() => this.list());
  }
}

/** Inherits its class's decorator and methods. */
@Injectable()
class SpecialCatalogueService extends CatalogueService {
  special(): Promise<number> {
    return this.accounts.count();
  }

  override exact(): Promise<number> {
    return super.exact();
  }
}

@Injectable({ scope: Scope.REQUEST })
class PerRequestService {
  constructor(@InjectRepository(Account) readonly accounts: Repository<Account>) {}

  @UseReplica()
  read(): Promise<number> {
    return this.accounts.count();
  }
}

@Injectable({ scope: Scope.TRANSIENT })
class TransientService extends PerRequestService {}

@Injectable()
class UsesTransient {
  constructor(readonly transient: TransientService) {}
}

/** Takes hold of methods before the module under test has done anything in its hooks. */
@Injectable()
class EarlyBird implements OnModuleInit {
  read: (() => Promise<number>) | undefined;
  list: (() => Promise<number>) | undefined;

  constructor(
    readonly reports: ReportService,
    readonly catalogue: CatalogueService,
  ) {
    this.read = reports.read.bind(reports);
  }

  onModuleInit(): void {
    this.list = this.catalogue.list.bind(this.catalogue);
  }
}

@Module({})
class EarlyModule {}

@Controller()
class OrdersController {
  constructor(readonly reports: ReportService) {}

  @Get('read')
  read(): Promise<number> {
    return this.reports.plain();
  }

  @Get('forced')
  forced(): Promise<number> {
    return this.reports.forced();
  }

  @Get('cold-forced')
  coldForced(): Observable<number> {
    return this.reports.coldForced();
  }

  @Post('search')
  search(): Promise<number> {
    return this.reports.read();
  }

  @Post('write')
  write(): Promise<number> {
    return this.reports.readWriteRead(3);
  }

  @ForcePrimary()
  @Get('decorated')
  decorated(): Promise<number> {
    return this.reports.plain();
  }

  @Post('late')
  late(): object {
    this.reports.late = (async () => {
      await delay(20);
      await this.reports.accounts.increment({ id: 4 }, 'balance', 1);
      return this.readLate();
    })();
    return {};
  }

  async readLate(): Promise<unknown> {
    return this.reports.readWriteRead(4);
  }

  @Get('late-read')
  lateRead(): object {
    this.reports.late = delay(20).then(() => this.reports.read());
    return {};
  }
}

const cluster = useLedgerCluster();

describe('decorated methods of providers', () => {
  let app: TestApp;
  const routes = new Routes();
  let reports: ReportService;

  beforeAll(async () => {
    const [replicaModule, accountsModule] = accountsOn(cluster);
    app = await launchReady({
      imports: [
        {
          module: EarlyModule,
          global: true,
          imports: [accountsModule as DynamicModule],
          providers: [EarlyBird, ReportService, CatalogueService],
          exports: [ReportService],
        },
        replicaModule as DynamicModule,
        accountsModule as DynamicModule,
      ],
      controllers: [OrdersController],
      providers: [
        SpecialCatalogueService,
        PerRequestService,
        TransientService,
        UsesTransient,
        {
          provide: 'made by a factory',
          inject: [DataSourceRouter, ReportService],
          useFactory: (router: DataSourceRouter, { accounts }: ReportService) =>
            new CatalogueService(accounts, router),
        },
      ],
    });
    routes.listenTo(app.router);
    reports = app.nest.get(ReportService);
  });

  beforeEach(() => {
    routes.take();
  });

  afterAll(async () => {
    await app?.close();
  });

  describe('outside any request', () => {
    it('read from a replica in a context of their own, others from the primary', async () => {
      await reports.read();
      await reports.plain();
      expect(routes.take()).toEqual([ON_REPLICA, 'primary no-context']);
    });

    it('read from the primary if forced to', async () => {
      await reports.forced();
      expect(routes.take()).toEqual(['primary forced-primary']);
    });

    it('see their own writes, with replay paused', async () => {
      await whilePaused(cluster, async () => {
        expect(await reports.readWriteRead(1)).toBe(1);
      });
      expect(routes.take()).toEqual([ON_REPLICA, 'primary write', 'primary own-write']);
    });

    it('have learned what they wrote when their promise resolves, and their context has ended', async () => {
      let request: { ledger: { isLearning: boolean; position?: unknown }; ended: boolean } | undefined;
      const off = app.router.on('statement', () => {
        request ??= engineOf(app.router).contexts.current()?.request;
      });
      await reports.readWriteRead(2);
      off();
      expect(request?.ledger.isLearning).toBe(false);
      expect(request?.ledger.position).toEqual(expect.any(BigInt));
      expect(request?.ended).toBe(true);
    });

    it('leave what still runs afterwards to the primary', async () => {
      await reports.leavesWorkRunning();
      await reports.late;
      expect(routes.take()).toEqual([ON_REPLICA, 'primary no-context']);
    });

    it('stay synchronous, and keep their errors', async () => {
      expect(reports.sync()).toBe('at once');
      expect(() => reports.syncThrows()).toThrow(RangeError);
      await expect(reports.fails()).rejects.toThrow(new RangeError('later'));
      expect(reports.request()).toMatchObject({ ended: true });
    });

    it('run a cold observable inside, each time that it is subscribed to', async () => {
      const cold = reports.cold();
      expect(routes.take()).toEqual([]);
      await lastValueFrom(cold);
      await lastValueFrom(cold);
      expect(routes.take()).toEqual([ON_REPLICA, ON_REPLICA]);
    });

    it('return a subject unchanged', () => {
      expect(reports.subject()).toBeInstanceOf(Subject);
    });
  });

  describe('inside a request', () => {
    it('open a scope with their intent in that request, and leave the rest as it was', async () => {
      expect(await app.get('/read')).toMatchObject({ reasons: ['session-free'] });
      expect(await app.get('/forced')).toMatchObject({ nodes: ['primary'], reasons: ['forced-primary'] });
      expect(await app.post('/search')).toMatchObject({ reasons: ['session-free'] });
      expect(await app.get('/cold-forced')).toMatchObject({ reasons: ['forced-primary'] });
      expect(await app.get('/decorated')).toMatchObject({ reasons: ['forced-primary'] });
    });

    it('save their writes to its session', async () => {
      await whilePaused(cluster, async () => {
        await app.post('/write', 'writer');
        expect(await app.get('/read', 'writer')).toMatchObject({
          nodes: ['primary'],
          reasons: ['session-ahead'],
        });
      });
    });

    it('go on with its session and its writes when they run after the response', async () => {
      await whilePaused(cluster, async () => {
        await app.post('/late', 'late');
        expect(await reports.late).toBe(2);
      });
      const seen = routes.take();
      expect(seen[0]).toBe('primary write');
      expect(seen).not.toContain(ON_REPLICA);
    });

    it('go on with its session when they run after the response of a request that wrote nothing', async () => {
      await whilePaused(cluster, async () => {
        await app.post('/write', 'writer before');
        routes.take();
        await app.get('/late-read', 'writer before');
        await reports.late;
      });
      expect(routes.take()).toEqual(['primary session-ahead']);
    });

    it('are one request with the caller in runOnReplica()', async () => {
      const [outer, inner] = app.router.runOnReplica({}, () => [
        engineOf(app.router).contexts.current()?.request,
        reports.request(),
      ]);
      expect(inner).toBe(outer);
    });
  });

  describe('of a decorated class', () => {
    it('follow their class, their own decorator counts before it, also for what they call inside', async () => {
      const catalogue = app.nest.get(CatalogueService);
      await catalogue.list();
      await catalogue.exact();
      await catalogue.onThePrimary();
      expect(routes.take()).toEqual([ON_REPLICA, 'primary forced-primary', 'primary forced-primary']);
    });

    it('follow the class that theirs extends', async () => {
      const special = app.nest.get(SpecialCatalogueService);
      await special.list();
      await special.special();
      await special.exact();
      expect(routes.take()).toEqual([ON_REPLICA, ON_REPLICA, 'primary forced-primary']);
    });

    it('are left alone in the hooks of Nest', () => {
      expect(app.nest.get(CatalogueService).atStart).toBeUndefined();
    });
  });

  describe('are found, whoever made the object or took hold of the method first:', () => {
    it('bound in a constructor, and in a hook', async () => {
      const early = app.nest.get(EarlyBird);
      await early.read?.();
      await early.list?.();
      expect(routes.take()).toEqual([ON_REPLICA, ON_REPLICA]);
    });

    it('made for a request', async () => {
      const service = await app.nest.get(ModuleRef).resolve(PerRequestService, undefined, { strict: false });
      await service.read();
      expect(routes.take()).toEqual([ON_REPLICA]);
    });

    it('transient', async () => {
      await app.nest.get(UsesTransient).transient.read();
      expect(routes.take()).toEqual([ON_REPLICA]);
    });

    it('made by a factory from a decorated class', async () => {
      await app.nest.get<CatalogueService>('made by a factory').list();
      expect(routes.take()).toEqual([ON_REPLICA]);
    });

    it('replaced by a decorator above or below that copies nothing', async () => {
      await reports.replaced();
      await reports.replacedBelow();
      expect(routes.take()).toEqual(['primary forced-primary', ON_REPLICA]);
    });
  });

  it('keep metadata from above and below, name and length', () => {
    const method = Object.getOwnPropertyDescriptor(ReportService.prototype, 'named')?.value as () => unknown;
    expect(Reflect.getMetadata('above', method)).toBe(MARK);
    expect(Reflect.getMetadata('below', method)).toBe(MARK);
    expect([method.name, method.length]).toEqual(['named', 2]);
  });

  it('run undecorated on an object that Nest has not made', async () => {
    await new ReportService(reports.accounts, reports.router).read();
    expect(routes.take()).toEqual(['primary no-context']);
  });
});
