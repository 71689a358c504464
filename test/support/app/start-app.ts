import { afterAll, beforeAll } from '@jest/globals';
import type { INestApplication, LoggerService, ModuleMetadata, Type } from '@nestjs/common';
import { FastifyAdapter } from '@nestjs/platform-fastify';
import { Test } from '@nestjs/testing';
import { TypeOrmModule } from '@nestjs/typeorm';
import {
  fromHeader,
  getDataSourceRouterToken,
  ReplicaModule,
  type ReplicaModuleOptions,
} from 'nestjs-replica';
import type { PostgresCluster } from 'nestjs-replica/testing';
import { isReady, TestApp } from './test-app.js';
import { until } from '../until.js';
import { TestCluster } from '../cluster/use-cluster.js';
import { databaseOf } from '../cluster/test-database.js';
import { APPLICATION } from '../cluster/transcript.js';
import { Account, Entry } from '../ledger/accounts.js';
import { LedgerController } from '../ledger/ledger.controller.js';
import { ResponsesController } from '../ledger/responses.controller.js';

export const PLATFORMS = ['express', 'fastify'] as const;
export type Platform = (typeof PLATFORMS)[number];

export interface LaunchSettings {
  /** Default `express`. */
  readonly platform?: Platform;
  /** Before the application listens: global prefix, versioning and the like. */
  readonly configure?: (app: INestApplication) => void;
  readonly logger?: LoggerService;
}

type Changes = Partial<ReplicaModuleOptions>;
type Extras = Pick<ModuleMetadata, 'imports' | 'providers'> & LaunchSettings;

/**
 * Options for a cluster: quick monitor, session by header, answers say who gave them. No replica leaves the rotation
 * because the machine is busy: probes may take long, and so may replay while it is paused.
 */
export function optionsFor(cluster: PostgresCluster, changes: Changes = {}): ReplicaModuleOptions {
  return {
    // Both databases take all options that the tests share.
    type: databaseOf(cluster) as 'postgres',
    primary: { url: cluster.primary.url },
    replicas: cluster.replicas.map(({ name, url }) => ({ name, url })),
    entities: [Account, Entry],
    applicationName: APPLICATION,
    setHeaders: true,
    retryAttempts: 1,
    session: { key: fromHeader('x-session') },
    // What a session remembers has to outlast the lag; who sets the one means the default of the other.
    ...(changes.session?.ttlMs === undefined ? { maxLagMs: 25_000 } : {}),
    ...changes,
    monitor: { intervalMs: 100, probeTimeoutMs: 5_000, ...changes.monitor },
  };
}

/** The module under test with the accounts' tables, for `imports`. */
export function accountsOn(
  cluster: PostgresCluster,
  changes: Changes = {},
): NonNullable<ModuleMetadata['imports']> {
  return [ReplicaModule.forRoot(optionsFor(cluster, changes)), TypeOrmModule.forFeature([Account, Entry])];
}

/** Compiles a module and lets it listen on a port of its own; closed by `TestApp.close()`. */
export async function launch(
  metadata: ModuleMetadata,
  { platform = 'express', configure, logger }: LaunchSettings = {},
): Promise<TestApp> {
  const builder = Test.createTestingModule(metadata);
  if (logger !== undefined) builder.setLogger(logger);
  const module = await builder.compile();
  const nest: INestApplication =
    platform === 'fastify'
      ? module.createNestApplication(new FastifyAdapter())
      : module.createNestApplication();
  try {
    configure?.(nest);
    await nest.listen(0, '127.0.0.1');
    return new TestApp(nest);
  } catch (error) {
    await nest.close();
    throw error;
  }
}

/** As {@link launch}, with every replica known to show all that was written before. `names`: of the data sources. */
export async function launchReady(
  metadata: ModuleMetadata,
  settings?: LaunchSettings,
  names: readonly (string | undefined)[] = [undefined],
): Promise<TestApp> {
  const app = await launch(metadata, settings);
  try {
    await until(
      () => names.every((name) => isReady(app.nest.get(getDataSourceRouterToken(name)))),
      'replicas without lag',
    );
    return app;
  } catch (error) {
    await app.close();
    throw error;
  }
}

/** Starts an application with these controllers on the cluster, and waits for `allUp()`. */
export async function startApp(
  cluster: PostgresCluster,
  controllers: Type[],
  changes: Changes = {},
  { imports = [], providers = [], ...settings }: Extras = {},
): Promise<TestApp> {
  const app = await launch(
    { imports: [...accountsOn(cluster, changes), ...imports], controllers, providers },
    settings,
  );
  if (cluster instanceof TestCluster) cluster.beforeStop(() => app.close());
  await app.allUp();
  return app;
}

/**
 * Starts such an application before the tests of the file or `describe()` that calls this, and closes it after them. Jest runs
 * `afterAll()` in the order of the file: what has to end before the application stands above this call.
 * @param changes a function where the options need a cluster that runs
 */
export function useApp(
  cluster: TestCluster,
  controllers: Type[],
  changes: Changes | (() => Changes) = {},
  extras: Extras = {},
): TestApp {
  const app = new TestApp();
  beforeAll(async () => {
    const started = await startApp(
      cluster,
      controllers,
      typeof changes === 'function' ? changes() : changes,
      extras,
    );
    app.become(started);
  });
  afterAll(() => app.close());
  return app;
}

/** The ledger, as {@link useApp} starts it. */
export function useLedger(
  cluster: TestCluster,
  changes: Changes | (() => Changes) = {},
  extras: Extras = {},
): TestApp {
  return useApp(cluster, [LedgerController, ResponsesController], changes, extras);
}

/** The ledger, as {@link startApp} starts it. */
export function startLedger(
  cluster: PostgresCluster,
  changes: Changes = {},
  extras: Extras = {},
): Promise<TestApp> {
  return startApp(cluster, [LedgerController, ResponsesController], changes, extras);
}
