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
 * Starts a PostgreSQL primary with streaming replicas on 127.0.0.1, on free ports and with nothing in common with any other server;
 * resolves when every replica streams. It ends with the process that started it, however that ends, and does not keep it alive.
 * left behind
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

/** The first backend that can be used here. */
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
