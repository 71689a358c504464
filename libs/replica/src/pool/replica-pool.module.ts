import { type DynamicModule, Inject, Module, type Provider } from '@nestjs/common';
import { ReplicaRouter } from '../engine/replica-router.js';
import { InvalidReplicaOptionsError } from '../errors/invalid-options.error.js';
import { checkGiven, checkSettings, SETTINGS } from '../nest/check-settings.js';
import { factoryProviders } from '../nest/factory-providers.js';
import { loggerOf } from '../nest/loggers.js';
import { DEFAULT_NAME } from '../nest/module-tokens.js';
import { routingProviders, RoutingModule } from '../nest/routing.module.js';
import { concealTexts } from '../options/conceal.js';
import { problemsOfPoolOptions, type RoutingPoolOptions } from './pool-options.js';
import { getPoolOptionsToken, getReplicaRouterToken, getRoutingPoolToken } from './pool-tokens.js';
import type {
  ReplicaPoolFactoryOptions,
  ReplicaPoolModuleAsyncOptions,
  ReplicaPoolModuleOptions,
  ReplicaPoolOptionsFactory,
} from './replica-pool-module-options.js';
import { createDetachedRouter, createRoutingPool, type RoutingPool } from './routing-pool.js';

/** The pool that a module ends with its application. */
const OWN_POOL = Symbol('nestjs-replica pool of the module');

const ASYNC_KEYS = ['imports', 'inject', 'useFactory', 'useClass', 'useExisting', 'extraProviders'];

/** The options of one module, by who reads them. */
interface NestPoolOptions {
  readonly pool: RoutingPoolOptions<never>;
  readonly setHeaders: boolean;
}

/**
 * Gives a Nest application a `RoutingPool` for Drizzle, Kysely, Prisma, MikroORM or Knex, and its requests their sessions: the same middleware,
 * guard, interceptor and decorators as `ReplicaModule`. Inject the pool by `@InjectRoutingPool()`. It is connected when the application starts, and
 * ended with it.
 */
@Module({})
export class ReplicaPoolModule extends RoutingModule {
  @Inject(OWN_POOL) private readonly pool!: Partial<RoutingPool>;

  static forRoot(options: ReplicaPoolModuleOptions): DynamicModule {
    checkGiven('forRoot()', options);
    const { name, isGlobal, forRoutes, exclude, ...rest } = options;
    const given = concealTexts(rest);
    return create({ name, isGlobal, forRoutes, exclude, useFactory: () => given });
  }

  static forRootAsync(options: ReplicaPoolModuleAsyncOptions): DynamicModule {
    checkGiven('forRootAsync()', options, [...Object.keys(SETTINGS), ...ASYNC_KEYS]);
    return create(options);
  }

  override async onApplicationShutdown(): Promise<void> {
    await super.onApplicationShutdown();
    // A test may have replaced it.
    if (this.pool.router instanceof ReplicaRouter && this.pool.ending !== true) await this.pool.end?.();
  }
}

function create({ imports = [], isGlobal = true, ...options }: ReplicaPoolModuleAsyncOptions): DynamicModule {
  const { name = DEFAULT_NAME, forRoutes, exclude, ...source } = options;
  const settings = { name: options.name, isGlobal, forRoutes, exclude };
  checkSettings(settings);
  const tokens = { router: getReplicaRouterToken(name), options: getPoolOptionsToken(name) };
  const pool = getRoutingPoolToken(name);
  const providers: Provider[] = [
    ...factoryProviders<ReplicaPoolFactoryOptions, ReplicaPoolOptionsFactory>(tokens.options, source, {
      read: (given) => check(given, name),
      ask: (maker) => maker.createReplicaPoolOptions(),
    }),
    {
      provide: pool,
      inject: [tokens.options],
      useFactory: (given: NestPoolOptions) => createRoutingPool(given.pool as RoutingPoolOptions),
    },
    { provide: OWN_POOL, useExisting: pool },
    {
      provide: tokens.router,
      inject: [pool, tokens.options],
      useFactory: (found: Partial<RoutingPool> | undefined, given: NestPoolOptions) =>
        found?.router instanceof ReplicaRouter
          ? found.router
          : createDetachedRouter(given.pool as RoutingPoolOptions),
    },
    ...routingProviders(settings, tokens),
  ];
  return { module: ReplicaPoolModule, global: isGlobal, imports, providers, exports: [pool, tokens.router] };
}

/** Throws one `InvalidReplicaOptionsError` with all mistakes. */
function check(given: ReplicaPoolFactoryOptions, name: string): NestPoolOptions {
  if (typeof given !== 'object' || given === null)
    throw new InvalidReplicaOptionsError(['the options must be an object: did the factory return them?']);
  const { setHeaders = false, log = loggerOf(name), ...rest } = given;
  const pool = { ...rest, log, name } as RoutingPoolOptions<never>;
  const problems = [...problemsOfPoolOptions(pool)];
  if (typeof setHeaders !== 'boolean')
    problems.push(`setHeaders must be true or false, not ${typeof setHeaders}`);
  if (problems.length > 0) throw new InvalidReplicaOptionsError(problems);
  return { pool: concealTexts(pool), setHeaders };
}
