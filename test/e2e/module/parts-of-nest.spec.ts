import { afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import {
  type CanActivate,
  Controller,
  type ExecutionContext,
  Get,
  Injectable,
  type MiddlewareConsumer,
  Module,
  type NestMiddleware,
  type NestModule,
  Patch,
  Post,
  Scope,
  UnauthorizedException,
  UseGuards,
} from '@nestjs/common';
import { APP_GUARD } from '@nestjs/core';
import { InjectRepository, TypeOrmModule } from '@nestjs/typeorm';
import { ForcePrimary, UseReplica } from 'nestjs-replica';
import request from 'supertest';
import { DataSource, Repository } from 'typeorm';
import { PLATFORMS, useApp } from '../../support/app/start-app.js';
import { REPLICA } from '../../support/app/routes.js';
import { useLedgerCluster, whilePaused, resetLedger } from '../../support/cluster/use-cluster.js';
import { Account, Entry } from '../../support/ledger/accounts.js';

interface AppRequest {
  readonly headers: Record<string, string | undefined>;
  user?: { readonly id: string };
}

/** Sets `request.user` as authentication guards do: by what it finds in the database. */
@Injectable()
class UserGuard implements CanActivate {
  constructor(private readonly dataSource: DataSource) {}

  async canActivate(context: ExecutionContext): Promise<boolean> {
    const incoming = context.switchToHttp().getRequest<AppRequest>();
    const id = incoming.headers['x-user'];
    if (id === undefined) return true;
    const [row] = await this.dataSource.query('SELECT owner FROM account WHERE id = $1', [id]);
    if (row === undefined) throw new UnauthorizedException();
    incoming.user = { id };
    return true;
  }
}

/** Only now is it known how often a user has been here: a guard that writes. */
@Injectable()
class VisitGuard implements CanActivate {
  constructor(@InjectRepository(Account) private readonly accounts: Repository<Account>) {}

  async canActivate(context: ExecutionContext): Promise<boolean> {
    const id = Number(context.switchToHttp().getRequest<AppRequest>().headers['x-user']);
    await this.accounts.increment({ id }, 'balance', 1);
    return true;
  }
}

@Injectable()
class AuditMiddleware implements NestMiddleware {
  constructor(private readonly dataSource: DataSource) {}

  async use(_: unknown, __: unknown, next: () => void): Promise<void> {
    await this.dataSource.query('SELECT count(*) FROM entry');
    next();
  }
}

@Injectable({ scope: Scope.REQUEST })
class BalanceService {
  constructor(@InjectRepository(Account) private readonly accounts: Repository<Account>) {}

  async balance(id: number): Promise<number> {
    return (await this.accounts.findOneByOrFail({ id })).balance;
  }
}

@Controller('users')
class UsersController {
  constructor(@InjectRepository(Account) private readonly accounts: Repository<Account>) {}

  @Get(['me', 'audited'])
  me(): Promise<Account | null> {
    return this.accounts.findOneBy({ id: 1 });
  }

  @Post('add')
  add(): Promise<unknown> {
    return this.accounts.increment({ id: 1 }, 'balance', 1);
  }

  @Post('visit')
  @UseGuards(VisitGuard)
  visit(): object {
    return {};
  }
}

@Controller({ path: 'scoped', scope: Scope.REQUEST })
class ScopedController {
  constructor(
    private readonly balances: BalanceService,
    @InjectRepository(Account) private readonly accounts: Repository<Account>,
  ) {}

  @Get()
  balance(): Promise<number> {
    return this.balances.balance(2);
  }

  @Post()
  async add(): Promise<number> {
    await this.accounts.increment({ id: 2 }, 'balance', 1);
    return this.balances.balance(2);
  }
}

@Injectable({ scope: Scope.REQUEST })
class ScopedGuard implements CanActivate {
  constructor(private readonly balances: BalanceService) {}

  async canActivate(): Promise<boolean> {
    return (await this.balances.balance(3)) >= 0;
  }
}

@Controller('guarded')
@UseGuards(ScopedGuard)
class GuardedController {
  @Get()
  guarded(): object {
    return {};
  }
}

abstract class CountController {
  constructor(@InjectRepository(Account) protected readonly accounts: Repository<Account>) {}

  @Get('plain')
  plain(): Promise<number> {
    return this.accounts.count();
  }

  @Get('forced')
  @ForcePrimary()
  forced(): Promise<number> {
    return this.accounts.count();
  }

  @Patch('replica')
  @UseReplica({ consistency: 'eventual' })
  replica(): Promise<number> {
    return this.accounts.count();
  }
}

@Controller('replica-class')
@UseReplica({ consistency: 'eventual' })
class ReplicaClassController extends CountController {
  @Patch('unmarked')
  unmarked(): Promise<number> {
    return this.accounts.count();
  }
}

@Controller('primary-class')
@ForcePrimary()
class PrimaryClassController extends CountController {}

@Controller('inheriting')
class InheritingController extends PrimaryClassController {}

@Controller('overriding')
class OverridingController extends CountController {
  override forced(): Promise<number> {
    return super.forced();
  }

  @Get('forced')
  @UseReplica({ consistency: 'bounded', maxStalenessMs: 5_000 })
  again(): Promise<number> {
    return this.accounts.count();
  }
}

@Module({ imports: [TypeOrmModule.forFeature([Account, Entry])] })
class AuditModule implements NestModule {
  configure(consumer: MiddlewareConsumer): void {
    consumer.apply(AuditMiddleware).forRoutes('users/audited');
  }
}

const cluster = useLedgerCluster();

describe.each(PLATFORMS)('on %s', (platform) => {
  beforeAll(() => resetLedger(cluster));
  const app = useApp(
    cluster,
    [
      UsersController,
      ScopedController,
      GuardedController,
      ReplicaClassController,
      PrimaryClassController,
      InheritingController,
      OverridingController,
    ],
    { session: { key: (context) => context.switchToHttp().getRequest<AppRequest>().user?.id } },
    {
      imports: [AuditModule],
      providers: [{ provide: APP_GUARD, useClass: UserGuard }, BalanceService],
      platform,
    },
  );
  const routes: string[] = [];

  beforeAll(() => {
    app.router.on('statement', ({ node, reason }) => void routes.push(`${node} ${reason}`));
  });

  afterEach(() => {
    routes.length = 0;
  });

  const as = (user: number, method: 'get' | 'post', path: string): request.Test =>
    app.http[method](path).set('x-user', String(user));

  it('reads of a guard go to the primary while the user is not known, those of the handler to a replica', async () => {
    await as(10, 'get', '/users/me').expect(200);
    expect(routes).toEqual(['primary session-unknown', expect.stringMatching(/^replica-[12] session-/)]);
  });

  it('a session whose key a guard finds sees what it wrote, and no other does', async () => {
    await whilePaused(cluster, async () => {
      await as(11, 'post', '/users/add').expect(201);
      expect((await as(11, 'get', '/users/me')).body.balance).toBe(1);
      expect(routes.at(-1)).toBe('primary session-ahead');
      expect((await as(12, 'get', '/users/me')).body.balance).toBe(0);
      expect((await as(11, 'post', '/users/add').send({ body: 'parsed after the middleware' })).status).toBe(
        201,
      );
      expect((await as(11, 'get', '/users/me')).body.balance).toBe(2);
    });
  });

  it('a write of a guard binds the session, though only the handler knows its key', async () => {
    await whilePaused(cluster, async () => {
      await as(1, 'post', '/users/visit').send({ a: 'body' }).expect(201);
      await as(1, 'get', '/users/me').expect(200);
      expect(routes.at(-1)).toBe('primary session-ahead');
    });
  });

  it('a request that a guard refuses says who answered', async () => {
    const answer = await as(100_000, 'get', '/users/me').expect(401);
    expect(answer.headers).toMatchObject({
      'x-replica-node': 'primary',
      'x-replica-reason': 'session-unknown',
    });
  });

  it("the application's own middleware runs inside the request's context", async () => {
    expect((await app.get('/users/audited')).status).toBe(200);
    expect(routes[0]).toBe('primary session-unknown');
    expect(routes).not.toContainEqual(expect.stringContaining('no-context'));
  });

  it('request-scoped controllers and providers run in the context of their request', async () => {
    expect(await app.get('/scoped')).toMatchObject({ nodes: [REPLICA], reasons: ['session-free'] });
    await whilePaused(cluster, async () => {
      const before = Number((await as(20, 'get', '/scoped')).text);
      expect(Number((await as(20, 'post', '/scoped')).text)).toBe(before + 1);
      expect(Number((await as(20, 'get', '/scoped')).text)).toBe(before + 1);
      expect(Number((await as(21, 'get', '/scoped')).text)).toBe(before);
    });
  });

  it('request-scoped guards run in the context of their request', async () => {
    expect(await app.get('/guarded')).toMatchObject({
      status: 200,
      nodes: ['primary'],
      reasons: ['session-unknown'],
    });
  });

  it.each([
    ['get', 'replica-class/plain', 'eventual'],
    ['get', 'replica-class/forced', 'forced-primary'],
    ['patch', 'replica-class/unmarked', 'eventual'],
    ['get', 'primary-class/plain', 'forced-primary'],
    ['patch', 'primary-class/replica', 'eventual'],
    ['get', 'inheriting/plain', 'forced-primary'],
    ['patch', 'inheriting/replica', 'eventual'],
    ['get', 'overriding/plain', 'session-free'],
    ['get', 'overriding/forced', 'within-staleness'],
  ] as const)(
    "a handler's decorator, even an inherited one, overrides that of its class: %s %s",
    async (method, path, reason) => {
      expect(await app.call(method, `/${path}`)).toMatchObject({ status: 200, reasons: [reason] });
    },
  );
});
