import { ClusterOptions } from '../cluster-options.js';
import { DatabaseCluster, DatabaseNode } from '../database-cluster.js';
import { ClusterKit, startCluster } from '../start-cluster.js';
import { findBinaries } from './find-binaries.js';
import { POSTGRES_OPTION_RULES } from './postgres-option-rules.js';
import { PostgresServer } from './postgres-server.js';
import { startEmbeddedServers } from './start-embedded-servers.js';
import { startPostgresContainers } from './start-postgres-containers.js';

/** What `startPostgresCluster()` starts. */
export type PostgresCluster = DatabaseCluster;

/** One PostgreSQL server of a {@link PostgresCluster}. */
export type PostgresNode = DatabaseNode;

const KIT: ClusterKit<PostgresServer> = {
  rules: POSTGRES_OPTION_RULES,
  findBinaries,
  startEmbedded: startEmbeddedServers,
  startContainers: startPostgresContainers,
};

/**
 * Starts a PostgreSQL primary with streaming replicas on free ports of 127.0.0.1, and resolves when every replica streams. The
 * cluster shares nothing with any other server. It ends with this process, however that ends, and does not keep it alive.
 */
export async function startPostgresCluster(options: ClusterOptions = {}): Promise<PostgresCluster> {
  return await startCluster(KIT, options);
}
