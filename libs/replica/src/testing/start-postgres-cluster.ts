import { PostgresClusterOptions, ResolvedClusterOptions, resolveClusterOptions } from './cluster-options.js';
import { startEmbeddedServers } from './embedded/start-embedded-servers.js';
import { ServerGroup } from './node-server.js';
import { PostgresCluster } from './postgres-cluster.js';
import { ReplicationCluster } from './replication-cluster.js';

/**
 * Starts a PostgreSQL primary with streaming replicas on 127.0.0.1, on free ports and with nothing in common with any other server;
 * resolves when every replica streams. It ends with the process that started it, however that ends, and does not keep it alive.
 * left behind
 */
export async function startPostgresCluster(options: PostgresClusterOptions = {}): Promise<PostgresCluster> {
  const resolved = resolveClusterOptions(options);
  const startedMs = performance.now();
  const cluster = new ReplicationCluster(await startServers(resolved), resolved.log);
  try {
    await cluster.prepare();
  } catch (error) {
    await cluster.stop();
    throw error;
  }
  const ports = cluster.nodes.map((it) => `${it.name} on port ${it.port}`).join(', ');
  resolved.log(
    `cluster: ${ports}, up in ${Math.round(performance.now() - startedMs)} ms (${cluster.backend})`,
  );
  return cluster;
}

async function startServers(options: ResolvedClusterOptions): Promise<ServerGroup> {
  return await startEmbeddedServers(options);
}
