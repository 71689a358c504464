import { randomBytes } from 'node:crypto';
import { choosePort } from '../choose-port.js';
import { ClusterBackendUnavailableError } from '../cluster.error.js';
import { ResolvedClusterOptions } from '../cluster-options.js';
import { DATABASE, ServerGroup, USERNAME } from '../node-server.js';
import { BASE_SETTINGS, formatSettings } from '../postgres-settings.js';
import { errorMessage } from '../system-error.js';
import { ContainerServer, RunContainer } from './container-server.js';
import {
  ContainerBuilder,
  ContainerNetwork,
  ContainerRuntime,
  openContainerRuntime,
} from './testcontainers-port.js';

const STARTUP_TIMEOUT_MS = 120_000;
const PORT_TRIES = 5;

/** Runs in every replica's container as the user `postgres`: a base backup at the first start, then the server. */
const REPLICA_SCRIPT = `set -eu
if [ ! -s "$PGDATA/PG_VERSION" ]; then
  mkdir -p "$PGDATA" && chmod 700 "$PGDATA"
  pg_basebackup --dbname="$UPSTREAM" --pgdata="$PGDATA" --wal-method=stream --checkpoint=fast --write-recovery-conf
fi
exec postgres "$@"`;

/**
 * Starts a primary and its replicas as containers on a network of their own. They keep their ports on this machine. If this
 * rejects, it leaves nothing behind.
 * @throws ClusterBackendUnavailableError, NodeStartError
 */
export async function startContainerServers(options: ResolvedClusterOptions): Promise<ServerGroup> {
  const runtime = await openContainerRuntime();
  const network = await startNetwork(runtime);
  const servers: ContainerServer[] = [];
  const release = async (): Promise<void> => {
    await Promise.all(servers.map((it) => it.remove()));
    await network.stop();
  };
  try {
    const run = containerRunner(runtime, network, options);
    const password = randomBytes(16).toString('hex');
    const makeServer = (name: string): ContainerServer => {
      const address = { host: 'localhost', port: 0, database: DATABASE, username: USERNAME, password };
      const server = new ContainerServer(name, address, run);
      servers.push(server);
      return server;
    };
    const primary = makeServer('primary');
    await primary.create();
    const replicas = Array.from({ length: options.replicas }, (_, index) =>
      makeServer(`replica-${index + 1}`),
    );
    const created = await Promise.allSettled(replicas.map((it) => it.create(primary)));
    for (const it of created) if (it.status === 'rejected') throw it.reason;
    return { backend: 'containers', primary, replicas, release };
  } catch (error) {
    await release();
    throw error;
  }
}

/** Makes the network first, because testcontainers starts its clean-up container together with it. */
async function startNetwork({ testcontainers }: ContainerRuntime): Promise<ContainerNetwork> {
  try {
    return await new testcontainers.Network().start();
  } catch (error) {
    const reason = `containers: the Docker engine does not make a network: ${errorMessage(error)}`;
    throw new ClusterBackendUnavailableError('containers', [reason], { cause: error });
  }
}

function containerRunner(
  { testcontainers, engine }: ContainerRuntime,
  network: ContainerNetwork,
  options: ResolvedClusterOptions,
): RunContainer {
  return async (server, upstream) => {
    const { GenericContainer, Wait } = testcontainers;
    // A node that is copied again keeps its port.
    const known = server.address.port;
    for (let tries = 1; ; tries++) {
      const port = known || (await choosePort());
      const builder = new GenericContainer(options.image)
        .withNetwork(network)
        .withNetworkAliases(server.name)
        .withExposedPorts({ container: 5432, host: port })
        .withWaitStrategy(Wait.forLogMessage(/database system is ready to accept/))
        .withStartupTimeout(STARTUP_TIMEOUT_MS);
      try {
        const started = await (
          upstream ? asReplica(builder, server, upstream) : asPrimary(builder, server, options)
        ).start();
        return { container: engine.container.getById(started.getId()), host: started.getHost(), port };
      } catch (error) {
        const taken = /address already in use|port is already allocated/i.test(errorMessage(error));
        if (!taken || tries >= PORT_TRIES) throw error;
      }
    }
  };
}

function asPrimary(
  builder: ContainerBuilder,
  server: ContainerServer,
  options: ResolvedClusterOptions,
): ContainerBuilder {
  const settings = formatSettings({ ...BASE_SETTINGS, ...options.settings });
  return builder
    .withEnvironment({
      POSTGRES_USER: server.address.username,
      POSTGRES_PASSWORD: server.address.password,
      POSTGRES_DB: server.address.database,
      POSTGRES_INITDB_ARGS: '--encoding=UTF8 --locale=C --no-sync',
    })
    .withCopyContentToContainer([
      {
        target: '/docker-entrypoint-initdb.d/replication.sh',
        content: `cat >>"$PGDATA/postgresql.conf" <<'SETTINGS'
${settings}SETTINGS
echo 'host replication all all scram-sha-256' >>"$PGDATA/pg_hba.conf"
`,
        mode: 0o644,
      },
    ])
    .withCommand(['postgres', ...serverArguments(server)]);
}

function asReplica(
  builder: ContainerBuilder,
  server: ContainerServer,
  upstream: ContainerServer,
): ContainerBuilder {
  const { host, port } = upstream.replicationEndpoint;
  const { username, password } = server.address;
  return builder
    .withEnvironment({
      UPSTREAM: `host=${host} port=${port} user=${username} password=${password} application_name=${server.name}`,
    })
    .withUser('postgres')
    .withCommand(['bash', '-c', REPLICA_SCRIPT, 'replica', ...serverArguments(server)]);
}

function serverArguments(server: ContainerServer): string[] {
  return ['-c', 'listen_addresses=*', '-c', `cluster_name=${server.name}`];
}
