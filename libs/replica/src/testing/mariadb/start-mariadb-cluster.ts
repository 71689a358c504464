import { ClusterOptions } from '../cluster-options.js';
import { DatabaseCluster, DatabaseNode } from '../database-cluster.js';
import { ClusterKit, startCluster } from '../start-cluster.js';
import { findMariadbBinaries } from './find-mariadb-binaries.js';
import { MariadbServer } from './mariadb-server.js';
import { MARIADB_OPTION_RULES } from './mariadb-settings.js';
import { startEmbeddedMariadb } from './start-embedded-mariadb.js';
import { startMariadbContainers } from './start-mariadb-containers.js';

/** What `startMariadbCluster()` starts. */
export type MariadbCluster = DatabaseCluster;

/** One MariaDB server of a {@link MariadbCluster}. */
export type MariadbNode = DatabaseNode;

const KIT: ClusterKit<MariadbServer> = {
  rules: MARIADB_OPTION_RULES,
  findBinaries: () => findMariadbBinaries(),
  startEmbedded: startEmbeddedMariadb,
  startContainers: startMariadbContainers,
};

/**
 * Starts a MariaDB primary with replicas that follow it by GTID, on free ports of 127.0.0.1, and resolves when every replica
 * streams. The cluster shares nothing with any other server. It ends with this process, however that ends, and does not keep it
 * alive. Needs the package `mysql2`.
 */
export async function startMariadbCluster(options: ClusterOptions = {}): Promise<MariadbCluster> {
  return await startCluster(KIT, options);
}
