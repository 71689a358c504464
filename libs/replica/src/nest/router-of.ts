import { InvalidReplicaOptionsError } from '../errors/invalid-options.error.js';
import type { OptionsOfAnyType, ReplicaDataSourceOptions } from '../options/typeorm-options.js';
import { DataSourceRouter } from '../typeorm/data-source-router.js';
import type { LogSink } from '../engine/operator-log.js';
import { optionsForAnyDataSource, routedInsteadOf } from '../typeorm/plain-data-source.js';
import { ReplicaDataSource } from '../typeorm/replica-data-source.js';
import type { NestReplicaOptions } from './options-providers.js';
import type { ReplicaModuleAsyncOptions } from './replica-module-options.js';

type DataSourceFactory = NonNullable<ReplicaModuleAsyncOptions['dataSourceFactory']>;

/**
 * The router of the data source that Nest injects. If a test has replaced the data source (`overrideProvider`), a
 * router without replicas: requests are opened as always, but nothing is routed, kept or saved.
 */
export function routerOf(
  dataSource: unknown,
  { dataSource: options, onUnrouted }: NestReplicaOptions,
): DataSourceRouter {
  const router = (dataSource as Partial<ReplicaDataSource> | null | undefined)?.router;
  if (router instanceof DataSourceRouter) return router;
  onUnrouted?.();
  const primary = options.primary ?? options.replication?.master;
  const nobody = { replication: undefined, replicas: [], discovery: undefined, tables: undefined };
  return new ReplicaDataSource({ ...options, primary, ...nobody }).router;
}

/** A `dataSourceFactory` returned a data source that does not route. */
class WrongDataSourceError extends TypeError {}

/**
 * TypeOrmModule's `toRetry` around the application's own. While a database starts, trying again may help. After a
 * mistake in the code it would only delay the error, by default for half a minute.
 */
export function toRetryBut(own: unknown): (error: unknown) => boolean {
  return (error) => {
    if (error instanceof WrongDataSourceError || error instanceof InvalidReplicaOptionsError) return false;
    return typeof own !== 'function' || Boolean(own(error));
  };
}

/**
 * The data source of the user's `dataSourceFactory` if it routes, or the one that it gives way to. Otherwise a
 * TypeError.
 */
export async function routedByFactory(
  factory: DataSourceFactory,
  options: OptionsOfAnyType<never>,
  log: LogSink,
): Promise<ReplicaDataSource> {
  const anyOptions = optionsForAnyDataSource(options) as ReplicaDataSourceOptions<never>;
  const routed = await routedInsteadOf(await factory(anyOptions), log);
  if (routed !== undefined) return routed;
  throw new WrongDataSourceError(
    'dataSourceFactory has to give a ReplicaDataSource, or no read would leave the primary: ' +
      'make it by new ReplicaDataSource(options), with the options that the factory gets',
  );
}
