import { ClusterBackendUnavailableError } from './cluster.error.js';
import { PostgresClusterOptions, ResolvedClusterOptions, resolveClusterOptions } from './cluster-options.js';
import { startContainerServers } from './containers/start-container-servers.js';
import { openContainerRuntime } from './containers/testcontainers-port.js';
import { findBinaries } from './embedded/find-binaries.js';
import { startEmbeddedServers } from './embedded/start-embedded-servers.js';
import { ServerGroup } from './node-server.js';
import { PostgresCluster } from './postgres-cluster.js';
import { ReplicationCluster } from './replication-cluster.js';

/**
 * Starts a PostgreSQL primary with streaming replicas on free ports of 127.0.0.1, and resolves when every replica streams. The
 * cluster shares nothing with any other server. It ends with this process, however that ends, and does not keep it alive.
 */
export async function startPostgresCluster(options: PostgresClusterOptions = {}): Promise<PostgresCluster> {
  const resolved = resolveClusterOptions(options);
  const startedMs = performance.now();
  const cluster = new ReplicationCluster(await startServers(resolved), resolved.log);
  try {
    await cluster.waitForStreams();
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
  const backend = options.backend === 'auto' ? await chooseBackend() : options.backend;
  return await (backend === 'embedded' ? startEmbeddedServers(options) : startContainerServers(options));
}

/** The first backend that works here. */
async function chooseBackend(): Promise<'embedded' | 'containers'> {
  const embedded = await reasonsAgainst(findBinaries);
  if (embedded.length === 0) return 'embedded';
  const containers = await reasonsAgainst(openContainerRuntime);
  if (containers.length === 0) return 'containers';
  throw new ClusterBackendUnavailableError('auto', [...embedded, ...containers]);
}

async function reasonsAgainst(tryBackend: () => Promise<unknown>): Promise<readonly string[]> {
  try {
    await tryBackend();
    return [];
  } catch (error) {
    if (error instanceof ClusterBackendUnavailableError) return error.reasons;
    throw error;
  }
}
