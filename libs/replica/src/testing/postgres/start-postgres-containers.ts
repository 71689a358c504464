import { randomBytes } from 'node:crypto';
import { ResolvedClusterOptions } from '../cluster-options.js';
import { ContainerGroup } from '../containers/container-group.js';
import { ContainerBuilder } from '../containers/testcontainers-port.js';
import { replicaNames, ServerGroup } from '../server-group.js';
import { PostgresContainer } from './postgres-container.js';
import { postgresReplication } from './postgres-replication.js';
import { DATABASE, PostgresServer, USERNAME } from './postgres-server.js';
import { BASE_SETTINGS, formatSettings } from './postgres-settings.js';

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
export async function startPostgresContainers(
  options: ResolvedClusterOptions,
): Promise<ServerGroup<PostgresServer>> {
  const group = await ContainerGroup.open();
  try {
    const run = group.runner<PostgresContainer>({
      image: options.image,
      readyLine: /database system is ready to accept/,
      configure: (builder, server, upstream) =>
        upstream ? asReplica(builder, server, upstream) : asPrimary(builder, server, options),
    });
    const password = randomBytes(16).toString('hex');
    const makeServer = (name: string): PostgresContainer => {
      const address = { host: 'localhost', port: 0, database: DATABASE, username: USERNAME, password };
      const server = new PostgresContainer(name, address, run);
      group.own(server);
      return server;
    };
    const primary = makeServer('primary');
    await primary.create();
    const replicas = replicaNames(options.replicas).map(makeServer);
    const created = await Promise.allSettled(replicas.map((it) => it.create(primary)));
    for (const it of created) if (it.status === 'rejected') throw it.reason;
    const release = (): Promise<void> => group.close();
    return { backend: 'containers', replication: postgresReplication(), primary, replicas, release };
  } catch (error) {
    await group.close();
    throw error;
  }
}

function asPrimary(
  builder: ContainerBuilder,
  server: PostgresContainer,
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
  server: PostgresContainer,
  upstream: PostgresContainer,
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

function serverArguments(server: PostgresContainer): string[] {
  return ['-c', 'listen_addresses=*', '-c', `cluster_name=${server.name}`];
}
