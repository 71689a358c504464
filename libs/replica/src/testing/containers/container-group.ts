import { choosePort } from '../choose-port.js';
import { ClusterBackendUnavailableError } from '../cluster.error.js';
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

/** What the containers of a cluster have in common. */
export interface ContainerRecipe<Server extends ContainerServer> {
  readonly image: string;
  /** The line of its log by which a server says that it accepts connections. */
  readonly readyLine: RegExp;
  /** Says what runs in the container. */
  configure(builder: ContainerBuilder, server: Server, upstream: Server | undefined): ContainerBuilder;
}

/** The containers of a cluster, on a network of their own. */
export class ContainerGroup {
  readonly #servers: ContainerServer[] = [];

  private constructor(
    private readonly runtime: ContainerRuntime,
    private readonly network: ContainerNetwork,
  ) {}

  /**
   * Makes the network first, because testcontainers starts its clean-up container together with it.
   * @throws ClusterBackendUnavailableError
   */
  static async open(): Promise<ContainerGroup> {
    const runtime = await openContainerRuntime();
    try {
      return new ContainerGroup(runtime, await new runtime.testcontainers.Network().start());
    } catch (error) {
      const reason = `containers: the Docker engine does not make a network: ${errorMessage(error)}`;
      throw new ClusterBackendUnavailableError('containers', [reason], { cause: error });
    }
  }

  /** Takes a server, whose container ends with the group. */
  own(server: ContainerServer): void {
    this.#servers.push(server);
  }

  /** Removes all containers and the network. */
  async close(): Promise<void> {
    await Promise.all(this.#servers.map((it) => it.remove()));
    await this.network.stop();
  }

  /** Makes the function that runs a container for a server. The container gets a free port of this machine. */
  runner<Server extends ContainerServer>(recipe: ContainerRecipe<Server>): RunContainer<Server> {
    const { testcontainers, engine } = this.runtime;
    const { GenericContainer, Wait } = testcontainers;
    return async (server, upstream) => {
      // A node that is copied again keeps its port.
      const known = server.address.port;
      for (let tries = 1; ; tries++) {
        const port = known || (await choosePort());
        const builder = new GenericContainer(recipe.image)
          .withNetwork(this.network)
          .withNetworkAliases(server.name)
          .withExposedPorts({ container: server.replicationEndpoint.port, host: port })
          .withWaitStrategy(Wait.forLogMessage(recipe.readyLine))
          .withStartupTimeout(STARTUP_TIMEOUT_MS);
        try {
          const started = await recipe.configure(builder, server, upstream).start();
          return { container: engine.container.getById(started.getId()), host: started.getHost(), port };
        } catch (error) {
          const taken = /address already in use|port is already allocated/i.test(errorMessage(error));
          if (!taken || tries >= PORT_TRIES) throw error;
        }
      }
    };
  }
}
