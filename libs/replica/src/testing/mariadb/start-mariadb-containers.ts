import { randomBytes } from 'node:crypto';
import { ResolvedClusterOptions } from '../cluster-options.js';
import { ContainerGroup } from '../containers/container-group.js';
import { ContainerBuilder } from '../containers/testcontainers-port.js';
import { replicaNames, ServerGroup } from '../server-group.js';
import { loadMysql2, withConnection } from './mariadb-connection.js';
import { MariadbContainer } from './mariadb-container.js';
import { mariadbReplication, replicate } from './mariadb-replication.js';
import { DATABASE, FIRST_ENTRY, MariadbServer, setupStatements, USERNAME } from './mariadb-server.js';
import { BASE_SETTINGS, formatArguments } from './mariadb-settings.js';

/**
 * Starts a primary and its replicas as containers on a network of their own. They keep their ports on this machine. If this
 * rejects, it leaves nothing behind.
 * @throws ClusterBackendUnavailableError, NodeStartError
 */
export async function startMariadbContainers(
  options: ResolvedClusterOptions,
): Promise<ServerGroup<MariadbServer>> {
  await loadMysql2();
  const group = await ContainerGroup.open();
  try {
    let lastServerId = 0;
    const run = group.runner<MariadbContainer>({
      image: options.image,
      // The server that only sets the container up listens on no port.
      readyLine: /port: 3306\b/,
      configure: (builder, server) => configure(builder, server, options),
    });
    const password = randomBytes(16).toString('hex');
    const makeServer = (name: string): MariadbContainer => {
      const address = { host: 'localhost', port: 0, database: DATABASE, username: USERNAME, password };
      const server = new MariadbContainer(name, address, { run, nextServerId: () => ++lastServerId });
      server.isReadOnly = name !== 'primary';
      group.own(server);
      return server;
    };
    const primary = makeServer('primary');
    const replicas = replicaNames(options.replicas).map(makeServer);
    const created = await Promise.allSettled([primary, ...replicas].map((it) => it.create()));
    for (const it of created) if (it.status === 'rejected') throw it.reason;
    await withConnection(primary.address, (query) => query(FIRST_ENTRY));
    await Promise.all(replicas.map((it) => replicate(it, primary)));
    const release = (): Promise<void> => group.close();
    return { backend: 'containers', replication: mariadbReplication(), primary, replicas, release };
  } catch (error) {
    await group.close();
    throw error;
  }
}

function configure(
  builder: ContainerBuilder,
  { name, serverId, replicationEndpoint, address: { password } }: MariadbContainer,
  options: ResolvedClusterOptions,
): ContainerBuilder {
  const own = {
    server_id: serverId,
    read_only: true,
    pid_file: `${name}.pid`,
    report_host: name,
    report_port: replicationEndpoint.port,
  };
  return builder
    .withEnvironment({ MARIADB_ROOT_PASSWORD: password })
    .withCopyContentToContainer([
      {
        target: '/docker-entrypoint-initdb.d/setup.sql',
        content: `${setupStatements(password).join('\n')}\n`,
        mode: 0o644,
      },
    ])
    .withCommand(['mariadbd', ...formatArguments({ ...BASE_SETTINGS, ...options.settings, ...own })]);
}
