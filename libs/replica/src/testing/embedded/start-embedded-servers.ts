import { randomBytes } from 'node:crypto';
import path from 'node:path';
import { ResolvedClusterOptions } from '../cluster-options.js';
import { DATABASE, ServerGroup, USERNAME } from '../node-server.js';
import { BASE_SETTINGS } from '../postgres-settings.js';
import { choosePort } from '../choose-port.js';
import { copyTree } from './copy-tree.js';
import { EmbeddedServer } from './embedded-server.js';
import { initDataFolder } from './init-data-folder.js';
import { closeWorkplace, makePrivateFolder, openWorkplace, Workplace } from './workplace.js';

/**
 * Starts a primary and its replicas as child processes. If this rejects, it leaves nothing behind.
 * @throws ClusterBackendUnavailableError, PostgresUserNotFoundError, NodeStartError
 */
export async function startEmbeddedServers(options: ResolvedClusterOptions): Promise<ServerGroup> {
  const workplace = await openWorkplace();
  const servers: EmbeddedServer[] = [];
  try {
    const password = randomBytes(16).toString('hex');
    const makeServer = async (name: string): Promise<EmbeddedServer> => {
      const port = await choosePort();
      const address = { host: '127.0.0.1', port, database: DATABASE, username: USERNAME, password };
      const server = new EmbeddedServer(name, workplace, address);
      servers.push(server);
      return server;
    };
    const primary = await makeServer('primary');
    const names = Array.from({ length: options.replicas }, (_, index) => `replica-${index + 1}`);
    const replicas = await Promise.all(names.map(makeServer));
    const settings = { ...BASE_SETTINGS, ...options.settings };
    await initDataFolder(workplace, primary.name, { username: USERNAME, password, settings });
    await Promise.all(replicas.map((it) => copyUnstarted(workplace, primary, it)));
    await primary.start();
    await Promise.all(replicas.map(async (it) => await startReplica(it, primary)));
    return { backend: 'embedded', primary, replicas, release: () => closeWorkplace(workplace) };
  } catch (error) {
    await Promise.all(servers.map((it) => it.kill()));
    await closeWorkplace(workplace);
    throw error;
  }
}

async function copyUnstarted(workplace: Workplace, from: EmbeddedServer, to: EmbeddedServer): Promise<void> {
  await makePrivateFolder(workplace, path.dirname(to.dataFolder));
  await copyTree(from.dataFolder, to.dataFolder, { owner: workplace.user });
}

async function startReplica(replica: EmbeddedServer, primary: EmbeddedServer): Promise<void> {
  await replica.writeUpstream(primary);
  await replica.start();
}
