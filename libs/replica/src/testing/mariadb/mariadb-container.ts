import { ContainerServer, RunContainer, RunningContainer } from '../containers/container-server.js';
import { NodeAddress } from '../database-cluster.js';
import { withConnection } from './mariadb-connection.js';
import { waitForReplayStart } from './mariadb-replication.js';
import { MariadbServer } from './mariadb-server.js';

/** A MariaDB server in a container. */
export class MariadbContainer extends ContainerServer implements MariadbServer {
  protected readonly scheme = 'mariadb';
  protected readonly stopSignal = 'SIGTERM';
  protected readonly innerPort = 3306;
  isReadOnly = false;
  #serverId: number;

  constructor(
    name: string,
    address: Omit<NodeAddress, 'url'>,
    private readonly environment: {
      readonly run: RunContainer<MariadbContainer>;
      readonly nextServerId: () => number;
    },
  ) {
    super(name, address);
    this.#serverId = environment.nextServerId();
  }

  get serverId(): number {
    return this.#serverId;
  }

  protected run(): Promise<RunningContainer> {
    return this.environment.run(this, undefined);
  }

  protected async ping(): Promise<void> {
    await withConnection(this.address, (query) => query('SELECT 1'));
  }

  override async create(): Promise<void> {
    await super.create();
    await this.#becomeWritable();
  }

  override async start(): Promise<void> {
    if (this.running) return;
    await super.start();
    await this.#becomeWritable();
    await waitForReplayStart(this);
  }

  async renew(): Promise<void> {
    this.#serverId = this.environment.nextServerId();
    await this.recreate();
  }

  /** The command of a container cannot change, so every server starts with `read_only`. */
  async #becomeWritable(): Promise<void> {
    if (this.isReadOnly) return;
    await withConnection(this.address, (query) => query('SET GLOBAL read_only = 0'));
  }
}
