import type { OptionsFromEnv } from 'nestjs-replica';
import { type DatabaseCluster, startMariadbCluster, startPostgresCluster } from 'nestjs-replica/testing';
import type { DemoDatabase } from './demo-database.js';

/** A cluster, and the environment variables that lead `replicaOptionsFromEnv()` to it. */
type DemoCluster = Pick<DatabaseCluster, 'stop' | 'waitForCatchUp' | 'replicas'> & {
  readonly env: Readonly<Record<string, string>>;
  /** The same options, with the replicas' names in place of their addresses. */
  readonly named: (nodes: OptionsFromEnv) => OptionsFromEnv;
};

const SERVERS = {
  postgres: { name: 'PostgreSQL', start: startPostgresCluster },
  mariadb: { name: 'MariaDB', start: startMariadbCluster },
};

/**
 * Starts a primary with two replicas, for those who have none at hand. Nothing of it remains when it stops. PostgreSQL comes with an npm
 * package; MariaDB has to be installed, and the error says what to install.
 */
export async function startDemoCluster(database: DemoDatabase = 'postgres'): Promise<DemoCluster> {
  const { name: server, start } = SERVERS[database];
  console.log(`starting ${server}, a primary and two replicas (set DATABASE_URL to use your own) ...`);
  const cluster = await start({ replicas: 2 });
  const { replicas } = cluster;
  for (const { name, port } of cluster.nodes) console.log(`  ${name} on port ${port}`);
  return {
    env: {
      DATABASE_URL: cluster.primary.url,
      DATABASE_READ_REPLICA_URL: replicas.map(({ url }) => url).join(','),
    },
    replicas,
    named: (nodes) => ({
      ...nodes,
      replicas: nodes.replicas.map((node, index) => ({ ...node, name: replicas[index]?.name })),
    }),
    stop: () => cluster.stop(),
    waitForCatchUp: () => cluster.waitForCatchUp(),
  };
}
