import {
  type DynamicModule,
  Inject,
  type InjectionToken,
  type MiddlewareConsumer,
  Module,
  type NestModule,
  type OnApplicationShutdown,
  type OnModuleInit,
  type Provider,
} from '@nestjs/common';
import { APP_GUARD, APP_INTERCEPTOR, ModulesContainer } from '@nestjs/core';
import { getDataSourceToken, TypeOrmModule, type TypeOrmModuleOptions } from '@nestjs/typeorm';
import { concealTexts } from '../options/conceal.js';
import type { DatabaseType } from '../options/database-type.js';
import { ReplicaDataSource } from '../typeorm/replica-data-source.js';
import { checkAsyncOptions, checkDataSourceSettings, checkGiven, checkSettings } from './check-settings.js';
import { ContextMiddleware } from './context.middleware.js';
import { MethodMarker } from './method-marker.js';
import { optionsProviders, withoutNestKeys, type NestReplicaOptions } from './options-providers.js';
import type {
  ReplicaModuleAsyncOptions,
  ReplicaModuleOptions,
  ReplicaModuleSettings,
} from './replica-module-options.js';
import {
  DEFAULT_NAME,
  getDataSourceRouterToken,
  getRouterSymbol,
  getReplicaOptionsToken,
  MODULE_SETTINGS,
  TYPEORM_MODULE_OPTIONS,
} from './replica-tokens.js';
import {
  ExistingDataSourceModule,
  optionsOfExisting,
  type ReplicaModuleForDataSourceSettings,
} from './existing-data-source.js';
import { mayNeedHandler } from './key-resolvers.js';
import { loggerOf } from './loggers.js';
import { RequestOpener } from './request-opener.js';
import { routedByFactory, routerOf, toRetryBut } from './router-of.js';
import { RoutingInterceptor } from './routing.interceptor.js';
import { StickyPrimaryGuard } from './sticky-primary.guard.js';

/** Holds the options for TypeOrmModule and ReplicaModule. */
@Module({})
class ReplicaOptionsModule {}

/**
 * Takes the place of `TypeOrmModule.forRoot()`: a TypeORM data source that reads from replicas and never shows a
 * session data older than its own writes. `TypeOrmModule.forFeature()` and injected repositories stay as they are.
 */
@Module({})
export class ReplicaModule implements NestModule, OnModuleInit, OnApplicationShutdown {
  readonly #settings: ReplicaModuleSettings;
  readonly #methods: MethodMarker;

  /** @internal Nest makes it. */
  constructor(
    @Inject(MODULE_SETTINGS) settings: ReplicaModuleSettings,
    @Inject(ModulesContainer) modules: ModulesContainer,
    @Inject(RequestOpener) opener: RequestOpener,
  ) {
    this.#settings = settings;
    this.#methods = new MethodMarker(modules, opener);
    this.#methods.coverClasses();
  }

  /** @param dataSourceName goes before `options.name`, as in `TypeOrmModule.forRoot()` */
  static forRoot(options: ReplicaModuleOptions<DatabaseType>, dataSourceName?: string): DynamicModule;
  // Not a union: in a union a function among the options, such as `route`, would not know the types of its
  // parameters.
  static forRoot(options: TypeOrmModuleOptions, dataSourceName?: string): DynamicModule;
  static forRoot(
    options: ReplicaModuleOptions<DatabaseType> | TypeOrmModuleOptions,
    dataSourceName?: string,
  ): DynamicModule {
    checkGiven('forRoot()', options);
    const { name, isGlobal, forRoutes, exclude, ...rest } = options as ReplicaModuleOptions<DatabaseType>;
    const settings = { name: dataSourceName ?? name, isGlobal, forRoutes, exclude };
    const given = concealTexts({ ...rest, name: settings.name });
    const source = {
      extraProviders: [{ provide: TYPEORM_MODULE_OPTIONS, useValue: given }],
      inject: [TYPEORM_MODULE_OPTIONS],
      useFactory: (found: typeof rest) => found,
    };
    return create(settings, source, mayNeedHandler(rest.session?.key));
  }

  static forRootAsync(options: ReplicaModuleAsyncOptions): DynamicModule {
    checkAsyncOptions(options);
    const { name, isGlobal, forRoutes, exclude, ...rest } = options;
    return create({ name, isGlobal, forRoutes, exclude }, rest);
  }

  /**
   * For a `ReplicaDataSource` that the application made itself, or one of a subclass. Requests get their context,
   * session and intent.
   *
   * If you give the data source itself, Nest injects it like that of `forRoot()`. The module connects it unless it is
   * connected, and closes it with the application if it connected it. If Nest provides the data source already, give
   * its injection token; then it stays with its provider.
   */
  static forDataSource(
    dataSource: ReplicaDataSource | InjectionToken,
    given: ReplicaModuleForDataSourceSettings = {},
  ): DynamicModule {
    checkDataSourceSettings(given);
    const { imports = [], setHeaders, ...settings } = given;
    checkSettings(settings);
    const { name = DEFAULT_NAME } = settings;
    const options = optionsOfExisting(dataSource, name, setHeaders);
    const isToken = typeof dataSource !== 'object';
    const exports = isToken ? [] : [ExistingDataSourceModule.of(dataSource, name)];
    return replicaModule(settings, {
      imports: [...imports, ...exports],
      providers: [{ provide: getReplicaOptionsToken(name), useValue: options }],
      exports,
      dataSource: isToken ? dataSource : getDataSourceToken(name),
    });
  }

  /** The same as `TypeOrmModule.forFeature()`. */
  static forFeature(...args: Parameters<typeof TypeOrmModule.forFeature>): DynamicModule {
    return TypeOrmModule.forFeature(...args);
  }

  configure(consumer: MiddlewareConsumer): void {
    const { forRoutes = ['{*path}'], exclude = [] } = this.#settings;
    consumer
      .apply(ContextMiddleware)
      .exclude(...exclude)
      .forRoutes(...forRoutes);
  }

  onModuleInit(): void {
    this.#methods.markAll();
  }

  onApplicationShutdown(): void {
    this.#methods.unmarkAll();
  }
}

function create(
  settings: ReplicaModuleSettings,
  source: Omit<ReplicaModuleAsyncOptions, keyof ReplicaModuleSettings>,
  needsGuard = true,
): DynamicModule {
  checkSettings(settings);
  const { name = DEFAULT_NAME } = settings;
  const optionsToken = getReplicaOptionsToken(name);
  const optionsModule: DynamicModule = {
    module: ReplicaOptionsModule,
    imports: source.imports,
    providers: optionsProviders(name, optionsToken, source),
    exports: [optionsToken],
  };
  const dataSourceModule = TypeOrmModule.forRootAsync({
    ...(name === DEFAULT_NAME ? {} : { name }),
    imports: [optionsModule],
    inject: [optionsToken],
    useFactory: ({ dataSource }: NestReplicaOptions) => {
      const given = dataSource as TypeOrmModuleOptions;
      // Before version 12, TypeOrmModule looks here for the name of what it has to close.
      const ownName = name === DEFAULT_NAME ? undefined : name;
      return concealTexts({ ...given, toRetry: toRetryBut(given.toRetry), name: ownName });
    },
    dataSourceFactory: async (options) => {
      const own = withoutNestKeys(options);
      return source.dataSourceFactory === undefined
        ? new ReplicaDataSource(own).logTo(loggerOf(name))
        : routedByFactory(source.dataSourceFactory, own, loggerOf(name));
    },
  });
  return replicaModule(settings, {
    imports: [optionsModule, dataSourceModule],
    providers: [],
    exports: [dataSourceModule],
    dataSource: getDataSourceToken(name),
    needsGuard,
  });
}

/** The parts that the module of one data source is made of. */
interface RoutingModuleParts extends Required<Pick<DynamicModule, 'imports' | 'providers' | 'exports'>> {
  /** The data source's injection token. */
  readonly dataSource: InjectionToken;
  /** `false`: no session is found by the handler, so requests do without the guard, which costs each several microseconds. */
  readonly needsGuard?: boolean;
}

function replicaModule(
  settings: ReplicaModuleSettings,
  { dataSource, imports, providers, exports, needsGuard = true }: RoutingModuleParts,
): DynamicModule {
  const { name = DEFAULT_NAME, isGlobal = true } = settings;
  return {
    module: ReplicaModule,
    global: isGlobal,
    imports,
    providers: [
      { provide: MODULE_SETTINGS, useValue: settings },
      ...providers,
      ...routingProviders(settings, dataSource),
      ...(needsGuard ? [GUARD] : []),
    ],
    exports: [...exports, getDataSourceRouterToken(name)],
  };
}

const GUARD: Provider = {
  provide: APP_GUARD,
  inject: [RequestOpener],
  useFactory: (opener: RequestOpener) => new StickyPrimaryGuard(opener),
};

function routingProviders(settings: ReplicaModuleSettings, dataSource: InjectionToken): Provider[] {
  const { name = DEFAULT_NAME, forRoutes, exclude } = settings;
  const optionsToken = getReplicaOptionsToken(name);
  return [
    {
      provide: getDataSourceRouterToken(name),
      inject: [dataSource, optionsToken],
      useFactory: routerOf,
    },
    { provide: getRouterSymbol(name), useExisting: getDataSourceRouterToken(name) },
    {
      provide: RequestOpener,
      inject: [getDataSourceRouterToken(name), optionsToken],
      useFactory: (router: ReplicaDataSource['router'], { setHeaders }: NestReplicaOptions) =>
        new RequestOpener({
          router,
          name,
          setHeaders,
          isLimitedToRoutes: forRoutes !== undefined || exclude !== undefined,
        }),
    },
    {
      provide: APP_INTERCEPTOR,
      inject: [RequestOpener],
      useFactory: (opener: RequestOpener) => new RoutingInterceptor(opener),
    },
  ];
}
