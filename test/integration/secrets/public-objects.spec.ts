import { expect, it } from '@jest/globals';
import * as library from 'nestjs-replica';
import {
  cookieToken,
  DataSourceRouter,
  discoverReplicas,
  dnsReplicas,
  fromCookie,
  fromHeader,
  headerToken,
  MemorySessionStore,
  type NodeOptions,
  RedisSessionStore,
  ReplicaDataSource,
  type ReplicaDataSourceOptions,
  ReplicaModule,
  RoutingInterceptor,
  StickyPrimaryGuard,
} from 'nestjs-replica';
import { ContextMiddleware } from '../../../libs/replica/src/nest/context.middleware.js';
import { RequestOpener } from '../../../libs/replica/src/nest/request-opener.js';
import { tellingLines } from '../../support/secrets/secrets.js';
import { everythingOf, structuredOf } from '../../support/secrets/seen.js';

const PASSWORD = 'hunter2p@ss:w/ord?#%25';
const TOKEN_SECRET = 'hunter2 of a token, long enough to sign with';

const inUrl: NodeOptions = { url: `postgres://app:${encodeURIComponent(PASSWORD)}@127.0.0.1:1/shop` };
const inFields: NodeOptions = { host: '127.0.0.1', port: 2, username: 'app', password: PASSWORD };

const options = (): ReplicaDataSourceOptions<never> => ({
  type: 'postgres',
  primary: inUrl,
  replicas: [inFields],
  session: { token: headerToken(), secrets: [TOKEN_SECRET] },
  connectTimeoutMS: 1_000,
});

/** A client of Redis that shows how it logs in, as `ioredis` does. */
class RedisClient {
  readonly options = { password: PASSWORD, url: `redis://:${encodeURIComponent(PASSWORD)}@redis:6379` };
  call(): Promise<unknown> {
    return Promise.reject(new Error('down'));
  }
}

const opener = (): RequestOpener =>
  new RequestOpener({
    router: new ReplicaDataSource(options()).router,
    name: 'default',
    setHeaders: true,
    isLimitedToRoutes: false,
  });

const failureOf = (work: () => Promise<unknown>): Promise<unknown> =>
  work().then(
    () => 'it has not failed',
    (error: unknown) => error,
  );

/** Each public object that is made of something with a secret, or holds such a thing. */
const OBJECTS: Readonly<Record<string, () => unknown>> = {
  ReplicaDataSource: () => new ReplicaDataSource(options()),
  'the options of a ReplicaDataSource': () => new ReplicaDataSource(options()).options,
  'the driver of a ReplicaDataSource': () => new ReplicaDataSource(options()).driver,
  'the manager of a ReplicaDataSource': () => new ReplicaDataSource(options()).manager,
  'a query runner': () => new ReplicaDataSource(options()).createQueryRunner('slave'),
  'a clone of a ReplicaDataSource': () =>
    Object.assign(
      Object.create(ReplicaDataSource.prototype) as ReplicaDataSource,
      new ReplicaDataSource(options()),
    ),
  'a result cache': () =>
    new ReplicaDataSource({ ...options(), cache: { type: 'redis', options: { password: PASSWORD } } })
      .queryResultCache,
  DataSourceRouter: () => new ReplicaDataSource(options()).router,
  'ReplicaModule.forRoot()': () => ReplicaModule.forRoot(options()),
  'ReplicaModule.forRootAsync()': () => ReplicaModule.forRootAsync({ useFactory: options }),
  'ReplicaModule.forDataSource()': () => ReplicaModule.forDataSource(new ReplicaDataSource(options())),
  StickyPrimaryGuard: () => new StickyPrimaryGuard(opener()),
  RoutingInterceptor: () => new RoutingInterceptor(opener()),
  ContextMiddleware: () => new ContextMiddleware(opener()),
  'options that replicaOptionsFromEnv() refuses': () =>
    failureOf(async () => library.replicaOptionsFromEnv({ DATABASE_URL: PASSWORD })),
  MemorySessionStore: () => {
    const store = new MemorySessionStore();
    store.save(PASSWORD, { position: 1n }, 1_000);
    return store;
  },
  RedisSessionStore: () => new RedisSessionStore({ client: new RedisClient() }),
  'an error of RedisSessionStore': () =>
    failureOf(() => new RedisSessionStore({ client: new RedisClient() }).load(PASSWORD)),
  'cookieToken()': () => cookieToken(),
  'headerToken()': () => headerToken(),
  'fromCookie()': () => fromCookie('sid'),
  'fromHeader()': () => fromHeader('x-session'),
  'discoverReplicas()': () => discoverReplicas(() => [inUrl, inFields]),
  'dnsReplicas()': () => dnsReplicas({ hostname: 'replicas.internal', node: { password: PASSWORD } }),
  NodeUnavailableError: () => failureOf(() => new ReplicaDataSource(options()).initialize()),
  StartNeedsPrimaryError: () =>
    failureOf(() =>
      new ReplicaDataSource({
        ...options(),
        startWithoutPrimary: true,
        synchronize: true,
      }).initialize(),
    ),
  NoNodeError: () =>
    failureOf(() => new ReplicaDataSource({ ...options(), startWithoutPrimary: true }).initialize()),
  InvalidReplicaOptionsError: () =>
    failureOf(async () => new ReplicaDataSource({ ...options(), replicas: [{ ...inUrl, host: PASSWORD }] })),
  InvalidSessionKeyError: () =>
    failureOf(() => new ReplicaDataSource(options()).router.runWithToken([PASSWORD] as never, () => 1)),
  SessionNotBoundError: () =>
    failureOf(async () => new ReplicaDataSource(options()).router.bindSession(PASSWORD)),
};

it.each(Object.entries(OBJECTS))('%s shows no secret, however it is looked at', async (name, make) => {
  const made = await make();
  if (name.endsWith('Error')) expect(made).toMatchObject({ name });
  const seen = [everythingOf(made), everythingOf({ made }), structuredOf({ made })];
  for (const secret of [PASSWORD, TOKEN_SECRET]) expect(tellingLines(seen, secret)).toEqual([]);
});

/** Looked at where they are thrown, told and asked for, on a real cluster; or they hold nothing but what they were given. */
const NOT_HERE = [
  // Lists of words.
  'BALANCERS',
  'CONSISTENCIES',
  'DURABILITIES',
  'ON_BEHIND',
  'ON_LAG',
  'ON_TIMEOUT',
  'PRIMARY_REASONS',
  'READ_PREFERENCES',
  'REPLICA_REASONS',
  'STATEMENT_KINDS',
  // Decorators, which get no secret.
  'ForcePrimary',
  'InjectDataSourceRouter',
  'PrimaryOnly',
  'SyncWrite',
  'UseReplica',
  'WithToken',
  // What a DataSourceRouter extends.
  'ReplicaRouter',
  // Functions of session states and of names.
  'getDataSourceRouterToken',
  'mergeSessionStates',
  // Errors that tell of names, numbers and the server's own words.
  'CommitOutcomeUnknownError',
  'DrainInterruptedError',
  'DriverNotInstalledError',
  'DurabilityDowngradedError',
  'DurabilityUnavailableError',
  'InvalidChoiceError',
  'NoReplicaError',
  'NodeCrashedError',
  'PoolExhaustedError',
  'PrimaryUnavailableError',
  'ReplicaBehindError',
  'ReplicasAreDiscoveredError',
  'TransactionLostError',
  'UnboundTransactionError',
  'UnknownReplicaError',
  'WriteNotVisibleError',
  'WritePreventedError',
];

it('looks at everything that the package exports', () => {
  const looked = (name: string): boolean => Object.keys(OBJECTS).some((object) => object.includes(name));
  expect(
    Object.keys(library)
      .filter((name) => !looked(name))
      .toSorted(),
  ).toEqual(NOT_HERE.toSorted());
});

it('lets nothing internal be reached from a router', () => {
  const { router } = new ReplicaDataSource(options());
  expect(Reflect.ownKeys(router)).toEqual([]);
  expect(
    Reflect.ownKeys(DataSourceRouter).filter((key) => !['length', 'name', 'prototype'].includes(String(key))),
  ).toEqual([]);
  const shared = Object.getPrototypeOf(DataSourceRouter.prototype) as object;
  const methods = [DataSourceRouter.prototype, shared].flatMap((type) => Reflect.ownKeys(type).map(String));
  expect([...new Set(methods)].toSorted()).toEqual([
    'bindSession',
    'catalogStatus',
    'constructor',
    'counters',
    'currentToken',
    'disable',
    'drain',
    'enable',
    'explain',
    'isEnabled',
    'on',
    'readOnlyTransaction',
    'recentCounts',
    'recentEvents',
    'resume',
    'runOnPrimary',
    'runOnReplica',
    'runRequest',
    'runWithToken',
    'setReplicas',
    'stats',
    'topology',
    'waitForToken',
    'waitUntilVisible',
    'withDurability',
  ]);
});
