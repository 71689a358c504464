import { randomBytes } from 'node:crypto';
import path from 'node:path';
import { choosePort } from '../choose-port.js';
import { ResolvedClusterOptions } from '../cluster-options.js';
import { copyTree } from '../embedded/copy-tree.js';
import { closeWorkplace, makePrivateFolder, openWorkplace, Workplace } from '../embedded/workplace.js';
import { replicaNames, ServerGroup } from '../server-group.js';
import { EmbeddedPostgresServer } from './embedded-postgres-server.js';
import { findBinaries } from './find-binaries.js';
import { initDataFolder } from './init-data-folder.js';
import { installBinaries } from './install-binaries.js';
import { postgresReplication } from './postgres-replication.js';
import { DATABASE, PostgresServer, USERNAME } from './postgres-server.js';
import { BASE_SETTINGS } from './postgres-settings.js';
import { userToRunAs } from './run-as-user.js';

/**
 * Starts a primary and its replicas as child processes. If this rejects, it leaves nothing behind.
 * @throws ClusterBackendUnavailableError, PostgresUserNotFoundError, NodeStartError
 */
export async function startEmbeddedServers(
  options: ResolvedClusterOptions,
): Promise<ServerGroup<PostgresServer>> {
  const native = await findBinaries();
  const workplace = await openWorkplace(userToRunAs());
  const servers: EmbeddedPostgresServer[] = [];
  try {
    await installBinaries(native, workplace);
    const password = randomBytes(16).toString('hex');
    const makeServer = async (name: string): Promise<EmbeddedPostgresServer> => {
      const port = await choosePort();
      const address = { host: '127.0.0.1', port, database: DATABASE, username: USERNAME, password };
      const server = new EmbeddedPostgresServer(name, workplace, address);
      servers.push(server);
      return server;
    };
    const primary = await makeServer('primary');
    const replicas = await Promise.all(replicaNames(options.replicas).map(makeServer));
    const settings = { ...BASE_SETTINGS, ...options.settings };
    await initDataFolder(workplace, primary.name, { username: USERNAME, password, settings });
    await Promise.all(replicas.map((it) => copyUnstarted(workplace, primary, it)));
    await primary.start();
    await Promise.all(replicas.map(async (it) => await startReplica(it, primary)));
    const release = (): Promise<void> => closeWorkplace(workplace);
    return { backend: 'embedded', replication: postgresReplication(), primary, replicas, release };
  } catch (error) {
    await Promise.all(servers.map((it) => it.kill()));
    await closeWorkplace(workplace);
    throw error;
  }
}

async function copyUnstarted(
  workplace: Workplace,
  from: EmbeddedPostgresServer,
  to: EmbeddedPostgresServer,
): Promise<void> {
  await makePrivateFolder(workplace, path.dirname(to.dataFolder));
  await copyTree(from.dataFolder, to.dataFolder, { owner: workplace.user });
}

async function startReplica(replica: EmbeddedPostgresServer, primary: EmbeddedPostgresServer): Promise<void> {
  await replica.writeUpstream(primary);
  await replica.start();
}
