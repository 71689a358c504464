import { type CanActivate, type DynamicModule, Module, type Provider, type Type } from '@nestjs/common';
import { ModuleRef } from '@nestjs/core';
import { factoryProviders } from '../nest/factory-providers.js';
import { DashboardActionsController } from './dashboard-actions.controller.js';
import { DASHBOARD_OPTIONS, DashboardFeed } from './dashboard-feed.js';
import {
  checkAsyncDashboardOptions,
  type ReplicaDashboardAsyncOptions,
  type ReplicaDashboardFactoryOptions,
  type ReplicaDashboardOptions,
  type ReplicaDashboardOptionsFactory,
  type ResolvedDashboardOptions,
  resolveDashboardOptions,
} from './dashboard-options.js';
import { DashboardController } from './dashboard.controller.js';
import { mount, mountable } from './mounted.js';

/** The injection token of what the factory gave, checked. */
const GIVEN_OPTIONS = Symbol('nestjs-replica given dashboard options');

/** A page that shows live where reads go and why: nodes, lag, pools, statements and events. */
@Module({})
export class ReplicaDashboardModule {
  /**
   * Serves the page at `path`, behind `guards`. Throws an `InvalidReplicaOptionsError` if the options are wrong, and if
   * anybody could use the buttons, or see the page in production.
   */
  static forRoot(options: ReplicaDashboardOptions = {}): DynamicModule {
    const resolved = resolveDashboardOptions(options, process.env.NODE_ENV);
    const controllers = [DashboardController, ...(resolved.actions ? [DashboardActionsController] : [])].map(
      mountable,
    );
    for (const controller of controllers) mount(controller, resolved);
    return {
      module: ReplicaDashboardModule,
      imports: resolved.imports,
      controllers,
      providers: [{ provide: DASHBOARD_OPTIONS, useValue: resolved }, DashboardFeed],
    };
  }

  /** The same with options that a factory makes. If they are wrong, the application does not start. */
  static forRootAsync(options: ReplicaDashboardAsyncOptions): DynamicModule {
    checkAsyncDashboardOptions(options);
    const { imports = [], ...source } = options;
    const controllers = [DashboardController, DashboardActionsController].map(mountable);
    return {
      module: ReplicaDashboardModule,
      imports,
      controllers,
      providers: [...asyncProviders(source, controllers), DashboardFeed],
    };
  }
}

function asyncProviders(
  source: Omit<ReplicaDashboardAsyncOptions, 'imports'>,
  controllers: readonly Type<object>[],
): Provider[] {
  return [
    ...factoryProviders<ReplicaDashboardFactoryOptions, ReplicaDashboardOptionsFactory>(
      GIVEN_OPTIONS,
      source,
      {
        read: (given) => resolveDashboardOptions(given, process.env.NODE_ENV),
        ask: (maker) => maker.createReplicaDashboardOptions(),
      },
    ),
    {
      provide: DASHBOARD_OPTIONS,
      inject: [GIVEN_OPTIONS, ModuleRef],
      useFactory: async (given: ResolvedDashboardOptions, modules: ModuleRef) => {
        const guards = await Promise.all(given.guards.map((guard) => madeGuard(guard, modules)));
        for (const controller of controllers) mount(controller, { ...given, guards });
        return given;
      },
    },
  ];
}

/** Nest makes guards that are classes only if it knows them before the factory is asked. */
async function madeGuard(guard: Type<CanActivate> | CanActivate, modules: ModuleRef): Promise<CanActivate> {
  return typeof guard === 'function' ? modules.create(guard) : guard;
}
