import { randomBytes } from 'node:crypto';
import path from 'node:path';
import { choosePort } from '../choose-port.js';
import { ResolvedClusterOptions } from '../cluster-options.js';
import { closeWorkplace, makePrivateFolder, openWorkplace } from '../embedded/workplace.js';
import { replicaNames, ServerGroup } from '../server-group.js';
import { EmbeddedMariadbServer } from './embedded-mariadb-server.js';
import { findMariadbBinaries } from './find-mariadb-binaries.js';
import { initTemplate } from './init-template.js';
import { loadMysql2, withConnection } from './mariadb-connection.js';
import { mariadbReplication, replicate } from './mariadb-replication.js';
import { DATABASE, FIRST_ENTRY, MariadbServer, USERNAME } from './mariadb-server.js';
import { BASE_SETTINGS } from './mariadb-settings.js';

/**
 * Starts a primary and its replicas as child processes. If this rejects, it leaves nothing behind.
 * @throws ClusterBackendUnavailableError, NodeStartError
 */
export async function startEmbeddedMariadb(
  options: ResolvedClusterOptions,
): Promise<ServerGroup<MariadbServer>> {
  const binaries = await findMariadbBinaries();
  await loadMysql2();
  const workplace = await openWorkplace(undefined);
  const servers: EmbeddedMariadbServer[] = [];
  try {
    const password = randomBytes(16).toString('hex');
    const settings = { ...BASE_SETTINGS, ...options.settings };
    const installation = await initTemplate(workplace, binaries, { password, settings });
    for (const name of ['primary', ...replicaNames(options.replicas)]) {
      const address = { host: '127.0.0.1', port: await choosePort(), database: DATABASE };
      const user = { username: USERNAME, password };
      const server = new EmbeddedMariadbServer(name, { ...address, ...user }, workplace, installation);
      server.isReadOnly = name !== 'primary';
      servers.push(server);
      await makePrivateFolder(workplace, path.dirname(server.dataFolder));
      await server.renew();
    }
    const started = await Promise.allSettled(servers.map((it) => it.start()));
    for (const it of started) if (it.status === 'rejected') throw it.reason;
    const [primary, ...replicas] = servers as [EmbeddedMariadbServer, ...EmbeddedMariadbServer[]];
    await withConnection(primary.address, (query) => query(FIRST_ENTRY));
    await Promise.all(replicas.map((it) => replicate(it, primary)));
    const release = (): Promise<void> => closeWorkplace(workplace);
    return { backend: 'embedded', replication: mariadbReplication(), primary, replicas, release };
  } catch (error) {
    await Promise.all(servers.map((it) => it.kill()));
    await closeWorkplace(workplace);
    throw error;
  }
}
