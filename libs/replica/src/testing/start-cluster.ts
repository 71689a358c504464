import { ClusterBackendUnavailableError } from './cluster.error.js';
import {
  ClusterOptionRules,
  ClusterOptions,
  ResolvedClusterOptions,
  resolveClusterOptions,
} from './cluster-options.js';
import { openContainerRuntime } from './containers/testcontainers-port.js';
import { DatabaseCluster } from './database-cluster.js';
import { NodeServer } from './node-server.js';
import { ServerGroup } from './server-group.js';
import { ReplicationCluster } from './replication-cluster.js';

/** One kind of database, as the kit sees it. The functions reject with a `ClusterBackendUnavailableError` where they cannot be used. */
export interface ClusterKit<Server extends NodeServer> {
  readonly rules: ClusterOptionRules;
  findBinaries(): Promise<unknown>;
  startEmbedded(options: ResolvedClusterOptions): Promise<ServerGroup<Server>>;
  startContainers(options: ResolvedClusterOptions): Promise<ServerGroup<Server>>;
}

/** Starts a cluster and resolves when every replica streams. If this rejects, it leaves nothing behind. */
export async function startCluster<Server extends NodeServer>(
  kit: ClusterKit<Server>,
  options: ClusterOptions,
): Promise<DatabaseCluster> {
  const resolved = resolveClusterOptions(options, kit.rules);
  const startedMs = performance.now();
  const cluster = new ReplicationCluster(await startServers(kit, resolved), resolved.log);
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

async function startServers<Server extends NodeServer>(
  kit: ClusterKit<Server>,
  options: ResolvedClusterOptions,
): Promise<ServerGroup<Server>> {
  const backend = options.backend === 'auto' ? await chooseBackend(kit) : options.backend;
  return await (backend === 'embedded' ? kit.startEmbedded(options) : kit.startContainers(options));
}

/** The first backend that works here. */
async function chooseBackend<Server extends NodeServer>(
  kit: ClusterKit<Server>,
): Promise<'embedded' | 'containers'> {
  const embedded = await reasonsAgainst(() => kit.findBinaries());
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
