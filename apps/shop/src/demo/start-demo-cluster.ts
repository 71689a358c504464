import { type PostgresCluster, startPostgresCluster } from 'nestjs-replica/testing';

/** A cluster, and the environment variables that lead `replicaOptionsFromEnv()` to it. */
type DemoCluster = Pick<PostgresCluster, 'stop' | 'waitForCatchUp'> & {
  readonly env: Readonly<Record<string, string>>;
};

/** Starts a PostgreSQL primary with two replicas, for those who have none at hand. Nothing of it remains when it stops. */
export async function startDemoCluster(): Promise<DemoCluster> {
  console.log('starting PostgreSQL, a primary and two replicas (set DATABASE_URL to use your own) ...');
  const cluster = await startPostgresCluster({ replicas: 2 });
  for (const { name, port } of cluster.nodes) console.log(`  ${name} on port ${port}`);
  return {
    env: {
      DATABASE_URL: cluster.primary.url,
      DATABASE_READ_REPLICA_URL: cluster.replicas.map(({ url }) => url).join(','),
    },
    stop: () => cluster.stop(),
    waitForCatchUp: () => cluster.waitForCatchUp(),
  };
}
