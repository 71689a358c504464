import { ReplicaDataSource, type ReplicaDataSourceOptions } from 'nestjs-replica';
import type { PostgresCluster } from 'nestjs-replica/testing';
import { TestCluster } from '../cluster/use-cluster.js';
import { until } from '../until.js';
import { isReady } from './test-app.js';
import { optionsFor } from './start-app.js';

type Changes = Partial<ReplicaDataSourceOptions<never>>;

/** As {@link optionsFor}, for a data source that works without Nest. */
export function sourceOptions(
  cluster: PostgresCluster,
  changes: Changes = {},
): ReplicaDataSourceOptions<never> {
  const { session: _, setHeaders: __, retryAttempts: ___, ...options } = optionsFor(cluster);
  return { ...options, ...changes, monitor: { ...options.monitor, ...changes.monitor } };
}

/** A data source without Nest, which knows that every replica shows all that was written before. */
export async function startSource(
  cluster: PostgresCluster,
  changes: Changes = {},
): Promise<ReplicaDataSource> {
  const source = new ReplicaDataSource(sourceOptions(cluster, changes));
  if (cluster instanceof TestCluster) {
    cluster.beforeStop(async () => {
      if (source.isInitialized) await source.destroy();
    });
  }
  await source.initialize();
  await until(() => isReady(source.router), 'replicas without lag');
  return source;
}
