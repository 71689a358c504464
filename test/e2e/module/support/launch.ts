import type { INestApplication, LoggerService, ModuleMetadata } from '@nestjs/common';
import { FastifyAdapter } from '@nestjs/platform-fastify';
import { Test } from '@nestjs/testing';
import { TypeOrmModule } from '@nestjs/typeorm';
import {
  type DataSourceRouter,
  getDataSourceRouterToken,
  ReplicaModule,
  type ReplicaModuleOptions,
} from 'nestjs-replica';
import type { PostgresCluster } from 'nestjs-replica/testing';
import { Account, Entry } from '../../../support/accounts.js';
import { optionsFor, TestApp, until } from '../../../support/test-app.js';
import { CapturedLogs } from './captured-logs.js';

export const PLATFORMS = ['express', 'fastify'] as const;
export type Platform = (typeof PLATFORMS)[number];

export interface LaunchSettings {
  /** Default `express`. */
  readonly platform?: Platform;
  /** Before the application listens: global prefix, versioning and the like. */
  readonly configure?: (app: INestApplication) => void;
  /** Default: one that keeps quiet. */
  readonly logger?: LoggerService;
}

/** Compiles a module and lets it listen on a port of its own; closed by `TestApp.close()`. */
export async function launch(
  metadata: ModuleMetadata,
  { platform = 'express', configure, logger = new CapturedLogs() }: LaunchSettings = {},
): Promise<TestApp> {
  const module = await Test.createTestingModule(metadata).setLogger(logger).compile();
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

/** The module under test with the accounts' tables, for `imports`. */
export function accountsOn(
  cluster: PostgresCluster,
  changes: Partial<ReplicaModuleOptions> = {},
): NonNullable<ModuleMetadata['imports']> {
  return [ReplicaModule.forRoot(optionsFor(cluster, changes)), TypeOrmModule.forFeature([Account, Entry])];
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
      () => names.every((name) => hasCaughtUp(app.nest.get(getDataSourceRouterToken(name)))),
      'replicas without lag',
    );
    return app;
  } catch (error) {
    await app.close();
    throw error;
  }
}

function hasCaughtUp(router: DataSourceRouter): boolean {
  return router.topology().replicas.every(({ health, lagMs }) => health === 'up' && lagMs === 0);
}
