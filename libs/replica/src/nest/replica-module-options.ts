import type {
  ExecutionContext,
  InjectionToken,
  ModuleMetadata,
  OptionalFactoryDependency,
  Provider,
  Type,
} from '@nestjs/common';
import type { TypeOrmModuleOptions, TypeOrmOptionsFactory } from '@nestjs/typeorm';
import type { DataSource } from 'typeorm';
import type { DatabaseType } from '../options/database-type.js';
import type { ReplicaDataSourceOptions } from '../options/typeorm-options.js';
import type { HeaderOptions, ReplicaModuleSettings } from './module-settings.js';

/** Options of `@nestjs/typeorm` itself. */
type NestTypeOrmOptions = Pick<
  TypeOrmModuleOptions,
  'autoLoadEntities' | 'retryAttempts' | 'retryDelay' | 'toRetry' | 'verboseRetryLog' | 'manualInitialization'
>;

/** Options that may also come from a factory. */
export interface ReplicaFactoryOptions extends NestTypeOrmOptions, HeaderOptions {}

/** What a factory of `forRootAsync` returns. `Database`: `'mysql'`, `'mariadb'` or, by default, `'postgres'`. */
export type ReplicaModuleFactoryOptions<Database extends DatabaseType = 'postgres'> =
  ReplicaDataSourceOptions<ExecutionContext, Database> & ReplicaFactoryOptions;

/**
 * What a factory of `forRootAsync` may be typed to return. It includes TypeOrmModule's type, for factories and
 * classes that were written for that module. The configuration itself must be one that this module takes; that is
 * checked at boot.
 */
export type FactoryOptions = ReplicaModuleFactoryOptions<DatabaseType> | TypeOrmModuleOptions;

/** Options of `ReplicaModule.forRoot`. `Database`: `'mysql'`, `'mariadb'` or, by default, `'postgres'`. */
export type ReplicaModuleOptions<Database extends DatabaseType = 'postgres'> =
  ReplicaModuleFactoryOptions<Database> & ReplicaModuleSettings;

/** A class that makes the options, for `useClass` and `useExisting`. */
export interface ReplicaOptionsFactory {
  /** @param name the data source's name, if it has one */
  createReplicaOptions(
    name?: string,
  ): ReplicaModuleFactoryOptions<DatabaseType> | Promise<ReplicaModuleFactoryOptions<DatabaseType>>;
}

/** Options of `ReplicaModule.forRootAsync`: one of `useFactory`, `useClass` and `useExisting`. */
export interface ReplicaModuleAsyncOptions extends ReplicaModuleSettings, Pick<ModuleMetadata, 'imports'> {
  readonly inject?: (InjectionToken | OptionalFactoryDependency)[];
  readonly useFactory?: (...args: never[]) => FactoryOptions | Promise<FactoryOptions>;
  /** A class with `createReplicaOptions()`, or with TypeOrmModule's `createTypeOrmOptions()`. */
  readonly useClass?: Type<ReplicaOptionsFactory | TypeOrmOptionsFactory>;
  readonly useExisting?: Type<ReplicaOptionsFactory | TypeOrmOptionsFactory>;
  /**
   * Makes the data source, as in `TypeOrmModule`: `(options) => addTransactionalDataSource(new
   * ReplicaDataSource(options))`. A plain `new DataSource(options)` of TypeORM gives way to a `ReplicaDataSource` of
   * the same options, connected if it was. Anything else is a TypeError. Default: the module makes a
   * `ReplicaDataSource`.
   */
  readonly dataSourceFactory?: (options: ReplicaDataSourceOptions<never>) => DataSource | Promise<DataSource>;
  /** More providers, for the factory to inject. */
  readonly extraProviders?: Provider[];
}
