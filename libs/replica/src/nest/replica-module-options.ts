import type {
  ExecutionContext,
  InjectionToken,
  ModuleMetadata,
  OptionalFactoryDependency,
  Provider,
  Type,
} from '@nestjs/common';
import type { MiddlewareConsumer } from '@nestjs/common';
import type { TypeOrmModuleOptions, TypeOrmOptionsFactory } from '@nestjs/typeorm';
import type { DataSource } from 'typeorm';
import type { ReplicaDataSourceOptions } from '../options/replica-options.js';

/** Which routes the context middleware is for, as in `MiddlewareConsumer`. */
type Routes = Parameters<ReturnType<MiddlewareConsumer['apply']>['forRoutes']>;
type Excluded = Parameters<ReturnType<MiddlewareConsumer['apply']>['exclude']>;

/** Options of `@nestjs/typeorm` itself. */
type NestTypeOrmOptions = Pick<
  TypeOrmModuleOptions,
  'autoLoadEntities' | 'retryAttempts' | 'retryDelay' | 'toRetry' | 'verboseRetryLog' | 'manualInitialization'
>;

/** Options that are Nest's and not the data source's. */
export interface ReplicaModuleSettings {
  /** The data source's name, as in `TypeOrmModule`: for several of them in one application. */
  readonly name?: string;
  /**
   * Whether `DataSourceRouter` can be injected everywhere without importing this module again. Default `true`, as
   * TypeOrmModule's `DataSource` can.
   */
  readonly isGlobal?: boolean;
  /** Routes whose requests get a context; on others everything goes to the primary. Default: all. */
  readonly forRoutes?: Routes;
  /** Routes that get none. */
  readonly exclude?: Excluded;
}

/** What may also come from a factory. */
export interface ReplicaFactoryOptions extends NestTypeOrmOptions {
  /**
   * Adds `x-replica-node`, the distinct nodes that served the request, and `x-replica-reason`, the distinct reasons, to
   * each HTTP response. Default `false`.
   */
  readonly setHeaders?: boolean;
}

/** What a factory of `forRootAsync` gives. */
export type ReplicaModuleFactoryOptions = ReplicaDataSourceOptions<ExecutionContext> & ReplicaFactoryOptions;

/**
 * What a factory of `forRootAsync` may be said to give: also that of TypeOrmModule, for factories and classes that were written for it. It has
 * to hold a configuration that this module takes all the same; that is checked when it is there.
 */
export type FactoryOptions = ReplicaModuleFactoryOptions | TypeOrmModuleOptions;

/** Options of `ReplicaModule.forRoot`. */
export type ReplicaModuleOptions = ReplicaModuleFactoryOptions & ReplicaModuleSettings;

/** A class that makes the options, for `useClass` and `useExisting`. */
export interface ReplicaOptionsFactory {
  /** @param name the data source's name, where it has one */
  createReplicaOptions(name?: string): ReplicaModuleFactoryOptions | Promise<ReplicaModuleFactoryOptions>;
}

/** Options of `ReplicaModule.forRootAsync`: one of `useFactory`, `useClass` and `useExisting`. */
export interface ReplicaModuleAsyncOptions extends ReplicaModuleSettings, Pick<ModuleMetadata, 'imports'> {
  readonly inject?: (InjectionToken | OptionalFactoryDependency)[];
  readonly useFactory?: (...args: never[]) => FactoryOptions | Promise<FactoryOptions>;
  /** A class with `createReplicaOptions()`, or with TypeOrmModule's `createTypeOrmOptions()`. */
  readonly useClass?: Type<ReplicaOptionsFactory | TypeOrmOptionsFactory>;
  readonly useExisting?: Type<ReplicaOptionsFactory | TypeOrmOptionsFactory>;
  /**
   * Makes the data source, as in `TypeOrmModule`: `(options) => addTransactionalDataSource(new ReplicaDataSource(options))`. TypeORM's
   * own `new DataSource(options)` of the same options gives way to a `ReplicaDataSource`, connected if it was; anything else is a TypeError.
   * Default: one is made.
   */
  readonly dataSourceFactory?: (options: ReplicaDataSourceOptions<never>) => DataSource | Promise<DataSource>;
  /** Providers beside the factory, for it to inject. */
  readonly extraProviders?: Provider[];
}
