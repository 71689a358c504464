import { NodeStartError } from '../cluster.error.js';
import { NodeAddress } from '../database-cluster.js';
import { NodeServer, ServerEndpoint, withUrl } from '../node-server.js';
import { errorMessage } from '../system-error.js';
import { waitUntil } from '../wait-until.js';
import { decodeContainerLog } from './container-log.js';
import { Container } from './testcontainers-port.js';

const START_TIMEOUT_MS = 60_000;
const SHUTDOWN_TIMEOUT_MS = 10_000;
const LOG_TAIL_LINES = 20;

/** A container that runs, and where clients reach its server. */
export interface RunningContainer {
  readonly container: Container;
  readonly host: string;
  readonly port: number;
}

/** Makes and starts a container for a node. `upstream` is the server to copy; undefined makes a new one. */
export type RunContainer<Server extends ContainerServer> = (
  server: Server,
  upstream: Server | undefined,
) => Promise<RunningContainer>;

/**
 * A server in a container of its own. The container outlives its server, so it keeps the files and the port. A new copy of another
 * server is a new container. Nobody notices if the server ends by itself.
 */
export abstract class ContainerServer implements NodeServer {
  #container: Container | undefined;
  #address: Omit<NodeAddress, 'url'>;
  #running = false;
  #paused = false;
  /** The logs of containers that were removed. */
  #earlierLog = '';

  constructor(
    readonly name: string,
    address: Omit<NodeAddress, 'url'>,
  ) {
    this.#address = address;
  }

  protected abstract readonly scheme: 'postgres' | 'mariadb';
  /** The signal at which the server ends properly, without waiting for its clients. */
  protected abstract readonly stopSignal: 'SIGINT' | 'SIGTERM';
  /** The port on which the server listens in its container. */
  protected abstract readonly innerPort: number;
  /** Runs a new container for this server, as a copy of `upstream` if that is given. */
  protected abstract run(upstream?: ContainerServer): Promise<RunningContainer>;
  /** Runs a statement. Rejects while the server accepts no connections. */
  protected abstract ping(): Promise<unknown>;

  get address(): NodeAddress {
    return withUrl(this.scheme, this.#address);
  }

  get replicationEndpoint(): ServerEndpoint {
    return { host: this.name, port: this.innerPort };
  }

  get running(): boolean {
    return this.#running;
  }

  /** Makes the container and starts the server in it. */
  async create(upstream?: ContainerServer): Promise<void> {
    try {
      const { container, host, port } = await this.run(upstream);
      this.#container = container;
      this.#address = { ...this.#address, host, port };
      this.#running = true;
    } catch (error) {
      throw new NodeStartError(this.name, errorMessage(error), await this.#logTail());
    }
    await this.#waitForConnections();
  }

  async start(): Promise<void> {
    if (this.#running) return;
    await this.#container?.start();
    this.#running = true;
    await this.#waitForConnections();
  }

  async stop(): Promise<void> {
    if (!this.#running) return;
    await this.resume();
    await this.#container?.kill({ signal: this.stopSignal });
    await this.#waitForEnd(SHUTDOWN_TIMEOUT_MS);
    await this.kill();
  }

  async kill(): Promise<void> {
    if (!this.#running) return;
    await this.resume();
    // It fails if the server has just ended, which is what the caller wanted.
    await this.#container?.kill({ signal: 'SIGKILL' }).catch(() => {});
    await this.#waitForEnd(SHUTDOWN_TIMEOUT_MS);
    this.#running = false;
  }

  async hang(): Promise<void> {
    if (this.#paused) return;
    await this.#container?.pause();
    this.#paused = true;
  }

  async resume(): Promise<void> {
    if (!this.#paused) return;
    await this.#container?.unpause();
    this.#paused = false;
  }

  /** Replaces the container by a new one. */
  async recreate(upstream?: ContainerServer): Promise<void> {
    this.#earlierLog = await this.readLog();
    await this.remove();
    await this.create(upstream);
  }

  async readLog(): Promise<string> {
    if (!this.#container) return this.#earlierLog;
    const log = await this.#container.logs({ follow: false, stdout: true, stderr: true });
    return this.#earlierLog + decodeContainerLog(log);
  }

  /** Removes the container, with its files. */
  async remove(): Promise<void> {
    await this.#container?.remove({ force: true, v: true });
    this.#container = undefined;
    this.#running = false;
    this.#paused = false;
  }

  async #waitForConnections(): Promise<void> {
    let failure: unknown;
    const accepted = await waitUntil(
      async () => {
        try {
          await this.ping();
          return true;
        } catch (error) {
          failure = error;
          if (await this.#hasEnded()) throw new NodeStartError(this.name, 'it ended', await this.#logTail());
          return false;
        }
      },
      { timeoutMs: START_TIMEOUT_MS, intervalMs: 50 },
    );
    if (!accepted) {
      throw new NodeStartError(this.name, `no connection: ${errorMessage(failure)}`, await this.#logTail());
    }
  }

  async #waitForEnd(timeoutMs: number): Promise<void> {
    await waitUntil(() => this.#hasEnded(), { timeoutMs, intervalMs: 20 });
  }

  async #hasEnded(): Promise<boolean> {
    const details = await this.#container?.inspect();
    return details?.State.Running !== true;
  }

  async #logTail(): Promise<string> {
    return (await this.readLog().catch(errorMessage)).trimEnd().split('\n').slice(-LOG_TAIL_LINES).join('\n');
  }
}
