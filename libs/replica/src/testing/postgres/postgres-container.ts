import { ContainerServer, RunContainer, RunningContainer } from '../containers/container-server.js';
import { NodeAddress } from '../database-cluster.js';
import { withConnection } from './postgres-connection.js';
import { PostgresServer } from './postgres-server.js';

/** A PostgreSQL server in a container. */
export class PostgresContainer extends ContainerServer implements PostgresServer {
  protected readonly scheme = 'postgres';
  protected readonly stopSignal = 'SIGINT';
  protected readonly innerPort = 5432;
  /** The upstream to configure at the next start, because the server was stopped when it was told. */
  #untoldUpstream: PostgresContainer | undefined;

  constructor(
    name: string,
    address: Omit<NodeAddress, 'url'>,
    private readonly runContainer: RunContainer<PostgresContainer>,
  ) {
    super(name, address);
  }

  protected run(upstream?: PostgresContainer): Promise<RunningContainer> {
    return this.runContainer(this, upstream);
  }

  protected async ping(): Promise<void> {
    await withConnection(this.address, (query) => query('SELECT 1'));
  }

  override async start(): Promise<void> {
    await super.start();
    if (!this.#untoldUpstream) return;
    await this.writeUpstream(this.#untoldUpstream);
    await this.reload();
  }

  async writeUpstream(upstream: PostgresContainer): Promise<void> {
    this.#untoldUpstream = this.running ? undefined : upstream;
    if (!this.running) return;
    const { host, port } = upstream.replicationEndpoint;
    const { username, password } = this.address;
    const value = `host=${host} port=${port} user=${username} password=${password} application_name=${this.name}`;
    await withConnection(this.address, (query) => query(`ALTER SYSTEM SET primary_conninfo = '${value}'`));
  }

  async reload(): Promise<void> {
    await withConnection(this.address, (query) => query('SELECT pg_reload_conf()'));
  }

  async cloneFrom(upstream: PostgresContainer): Promise<void> {
    this.#untoldUpstream = undefined;
    await this.recreate(upstream);
  }
}
