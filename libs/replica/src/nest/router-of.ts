import type { DataSource } from 'typeorm';
import { DataSourceRouter } from '../typeorm/data-source-router.js';
import { ReplicaDataSource } from '../typeorm/replica-data-source.js';
import type { NestReplicaOptions } from './options-providers.js';

/**
 * The router of the data source that Nest injects. Where a test has put something else in its place (`overrideProvider`), one that knows of
 * no replicas: requests are opened as always, and nothing is routed, kept or saved.
 */
export function routerOf(dataSource: unknown, { dataSource: options }: NestReplicaOptions): DataSourceRouter {
  const router = (dataSource as Partial<ReplicaDataSource> | null | undefined)?.router;
  if (router instanceof DataSourceRouter) return router;
  return new ReplicaDataSource({ ...options, replicas: [], discovery: undefined }).router;
}

/** Throws a TypeError where the user's `dataSourceFactory` made a data source that routes nothing. */
export function checkDataSource(made: DataSource): ReplicaDataSource {
  if (made instanceof ReplicaDataSource) return made;
  throw new TypeError(
    'dataSourceFactory has to give a ReplicaDataSource, or no read would leave the primary: ' +
      'make it by new ReplicaDataSource(options), with the options that the factory gets',
  );
}
