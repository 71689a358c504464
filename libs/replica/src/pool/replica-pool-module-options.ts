import type { ExecutionContext, ModuleMetadata } from '@nestjs/common';
import type { FactorySource } from '../nest/factory-providers.js';
import type { HeaderOptions, ReplicaModuleSettings } from '../nest/module-settings.js';
import type { RoutingPoolOptions } from './pool-options.js';

/** What a factory of `ReplicaPoolModule.forRootAsync` returns. */
export interface ReplicaPoolFactoryOptions
  extends Omit<RoutingPoolOptions<ExecutionContext>, 'name'>, HeaderOptions {}

/** Options of `ReplicaPoolModule.forRoot`. Lines for operators go to Nest's `Logger` unless `log` says otherwise. */
export interface ReplicaPoolModuleOptions extends ReplicaPoolFactoryOptions, ReplicaModuleSettings {}

/** A class that makes the options, for `useClass` and `useExisting`. */
export interface ReplicaPoolOptionsFactory {
  createReplicaPoolOptions(): ReplicaPoolFactoryOptions | Promise<ReplicaPoolFactoryOptions>;
}

/** Options of `ReplicaPoolModule.forRootAsync`: one of `useFactory`, `useClass` and `useExisting`. */
export interface ReplicaPoolModuleAsyncOptions
  extends
    ReplicaModuleSettings,
    Pick<ModuleMetadata, 'imports'>,
    FactorySource<ReplicaPoolFactoryOptions, ReplicaPoolOptionsFactory> {}
