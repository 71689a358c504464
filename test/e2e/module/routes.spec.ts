import { afterEach, describe, expect, it } from '@jest/globals';
import { Controller, Get, type INestApplication, Post, RequestMethod, VersioningType } from '@nestjs/common';
import { InjectRepository } from '@nestjs/typeorm';
import { type ReplicaModuleOptions, UseReplica } from 'nestjs-replica';
import { Repository } from 'typeorm';
import { startApp, PLATFORMS } from '../../support/app/start-app.js';
import type { TestApp } from '../../support/app/test-app.js';
import { REPLICA } from '../../support/app/routes.js';
import { useLedgerCluster } from '../../support/cluster/use-cluster.js';
import { Account } from '../../support/ledger/accounts.js';

@Controller('accounts')
class AccountsController {
  constructor(@InjectRepository(Account) private readonly accounts: Repository<Account>) {}

  @Get()
  count(): Promise<number> {
    return this.accounts.count();
  }

  @Get('decorated')
  @UseReplica()
  decorated(): Promise<number> {
    return this.accounts.count();
  }

  @Post('with-body')
  @UseReplica()
  withBody(): Promise<number> {
    return this.accounts.count();
  }
}

@Controller({ path: 'ledger', version: '2' })
class VersionedController extends AccountsController {}

@Controller('status')
class StatusController {
  constructor(@InjectRepository(Account) private readonly accounts: Repository<Account>) {}

  @Get()
  count(): Promise<number> {
    return this.accounts.count();
  }
}

const BY_A_REPLICA = { status: 200, nodes: [REPLICA], reasons: ['session-free'] };
/** No context, so no header either: nothing of this request is written down. */
const WITHOUT_CONTEXT = { status: 200, nodes: [], reasons: [] };

const cluster = useLedgerCluster();

describe.each(PLATFORMS)('on %s, routes', (platform) => {
  let app: TestApp;
  let routes: string[];

  afterEach(async () => {
    await app.close();
  });

  async function start(
    changes: Partial<ReplicaModuleOptions> = {},
    configure?: (nest: INestApplication) => void,
  ): Promise<void> {
    const controllers = [VersionedController, AccountsController, StatusController];
    app = await startApp(cluster, controllers, changes, { platform, configure });
    routes = [];
    app.router.on('statement', ({ node, reason }) => void routes.push(`${node} ${reason}`));
  }

  it('have a context under a global prefix, even those that the prefix leaves out', async () => {
    await start({}, (nest) => nest.setGlobalPrefix('api', { exclude: ['status'] }));
    expect(await app.get('/api/accounts')).toMatchObject(BY_A_REPLICA);
    expect(await app.get('/status')).toMatchObject(BY_A_REPLICA);
    expect((await app.get('/accounts')).status).toBe(404);
  });

  it.each([
    ['without a default', undefined, '/accounts'],
    ['with a default', '1', '/v1/accounts'],
  ])('have a context in all versions, %s', async (_, defaultVersion, path) => {
    await start({}, (nest) => nest.enableVersioning({ type: VersioningType.URI, defaultVersion }));
    expect(await app.get(path)).toMatchObject(BY_A_REPLICA);
    expect(await app.get('/v2/ledger')).toMatchObject(BY_A_REPLICA);
    expect(await app.post('/v2/ledger/with-body')).toMatchObject({ ...BY_A_REPLICA, status: 201 });
  });

  it.each<[string, Partial<ReplicaModuleOptions>]>([
    ['exclude', { exclude: ['accounts', 'accounts/*path'] }],
    ['forRoutes', { forRoutes: [StatusController] }],
    ['forRoutes with a method', { forRoutes: [{ path: 'status', method: RequestMethod.GET }] }],
  ])('without a context by %s send everything to the primary', async (_, changes) => {
    await start(changes);
    expect(await app.get('/accounts')).toMatchObject(WITHOUT_CONTEXT);
    expect(await app.get('/accounts/decorated')).toMatchObject(WITHOUT_CONTEXT);
    expect(await app.post('/accounts/with-body')).toMatchObject({ ...WITHOUT_CONTEXT, status: 201 });
    expect(routes).toEqual(Array(3).fill('primary no-context'));
    expect(await app.get('/status')).toMatchObject(BY_A_REPLICA);
  });

  it('are excluded under a global prefix, too', async () => {
    await start({ exclude: ['accounts'] }, (nest) => nest.setGlobalPrefix('api'));
    expect(await app.get('/api/accounts')).toMatchObject(WITHOUT_CONTEXT);
    expect(await app.get('/api/accounts/decorated')).toMatchObject(BY_A_REPLICA);
  });
});
