import { InvalidReplicaOptionsError } from '../errors/invalid-options.error.js';
import type { ReplicaDataSourceOptions } from '../options/replica-options.js';
import { DataSourceRouter } from '../typeorm/data-source-router.js';
import type { LogSink } from '../engine/operator-log.js';
import { optionsForAnyDataSource, routedInsteadOf } from '../typeorm/plain-data-source.js';
import { ReplicaDataSource } from '../typeorm/replica-data-source.js';
import type { NestReplicaOptions } from './options-providers.js';
import type { ReplicaModuleAsyncOptions } from './replica-module-options.js';

type DataSourceFactory = NonNullable<ReplicaModuleAsyncOptions['dataSourceFactory']>;

/**
 * The router of the data source that Nest injects. Where a test has put something else in its place (`overrideProvider`), one that knows of
 * no replicas: requests are opened as always, and nothing is routed, kept or saved.
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

/** A `dataSourceFactory` gave what routes nothing. */
class WrongDataSourceError extends TypeError {}

/**
 * TypeOrmModule's `toRetry`, around the application's own one: while a database is started, to try again may help; against a mistake in the
 * code it would only keep the error from whoever has to mend it, for half a minute by default.
 */
export function toRetryBut(own: unknown): (error: unknown) => boolean {
  return (error) => {
    if (error instanceof WrongDataSourceError || error instanceof InvalidReplicaOptionsError) return false;
    return typeof own !== 'function' || Boolean(own(error));
  };
}

/**
 * What the user's `dataSourceFactory` made, where it routes or gives way to one that does; else a TypeError.
 */
export async function routedByFactory(
  factory: DataSourceFactory,
  options: ReplicaDataSourceOptions<never>,
  log: LogSink,
): Promise<ReplicaDataSource> {
  const routed = await routedInsteadOf(await factory(optionsForAnyDataSource(options)), log);
  if (routed !== undefined) return routed;
  throw new WrongDataSourceError(
    'dataSourceFactory has to give a ReplicaDataSource, or no read would leave the primary: ' +
      'make it by new ReplicaDataSource(options), with the options that the factory gets',
  );
}
