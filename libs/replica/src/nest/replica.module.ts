import { type DynamicModule, type InjectionToken, Module } from '@nestjs/common';
import { getDataSourceToken, TypeOrmModule, type TypeOrmModuleOptions } from '@nestjs/typeorm';
import { concealTexts } from '../options/conceal.js';
import type { DatabaseType } from '../options/database-type.js';
import { ReplicaDataSource } from '../typeorm/replica-data-source.js';
import { checkAsyncOptions, checkDataSourceSettings, checkGiven, checkSettings } from './check-settings.js';
import { optionsProviders, withoutNestKeys, type NestReplicaOptions } from './options-providers.js';
import type { ReplicaModuleSettings } from './module-settings.js';
import type { ReplicaModuleAsyncOptions, ReplicaModuleOptions } from './replica-module-options.js';
import { DEFAULT_NAME } from './module-tokens.js';
import {
  getDataSourceRouterToken,
  getReplicaOptionsToken,
  TYPEORM_MODULE_OPTIONS,
} from './replica-tokens.js';
import { routingProviders, RoutingModule } from './routing.module.js';
import {
  ExistingDataSourceModule,
  optionsOfExisting,
  type ReplicaModuleForDataSourceSettings,
} from './existing-data-source.js';
import { loggerOf } from './loggers.js';
import { routedByFactory, routerOf, toRetryBut } from './router-of.js';

/** Holds the options for TypeOrmModule and ReplicaModule. */
@Module({})
class ReplicaOptionsModule {}

/**
 * Takes the place of `TypeOrmModule.forRoot()`: a TypeORM data source that reads from replicas and never shows a
 * session data older than its own writes. `TypeOrmModule.forFeature()` and injected repositories stay as they are.
 */
@Module({})
export class ReplicaModule extends RoutingModule {
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
    return create(settings, source);
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
}

function create(
  settings: ReplicaModuleSettings,
  source: Omit<ReplicaModuleAsyncOptions, keyof ReplicaModuleSettings>,
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
  });
}

/** The parts that the module of one data source is made of. */
interface RoutingModuleParts extends Required<Pick<DynamicModule, 'imports' | 'providers' | 'exports'>> {
  /** The data source's injection token. */
  readonly dataSource: InjectionToken;
}

function replicaModule(
  settings: ReplicaModuleSettings,
  { dataSource, imports, providers, exports }: RoutingModuleParts,
): DynamicModule {
  const { name = DEFAULT_NAME, isGlobal = true } = settings;
  const router = getDataSourceRouterToken(name);
  const options = getReplicaOptionsToken(name);
  return {
    module: ReplicaModule,
    global: isGlobal,
    imports,
    providers: [
      ...providers,
      { provide: router, inject: [dataSource, options], useFactory: routerOf },
      ...routingProviders(settings, { router, options }),
    ],
    exports: [...exports, router],
  };
}
