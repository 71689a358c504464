import { NodeStartError } from '../cluster.error.js';
import { withConnection } from '../node-connection.js';
import { NodeServer, ServerEndpoint, withUrl } from '../node-server.js';
import { PostgresAddress } from '../postgres-cluster.js';
import { errorMessage } from '../system-error.js';
import { waitUntil } from '../wait-until.js';
import { decodeContainerLog } from './container-log.js';
import { Container } from './testcontainers-port.js';

const START_TIMEOUT_MS = 60_000;
const FAST_SHUTDOWN_TIMEOUT_MS = 10_000;
const LOG_TAIL_LINES = 20;

/** Makes and starts a container for a node. `upstream` is the server to copy; undefined makes a new primary. */
export type RunContainer = (
  server: ContainerServer,
  upstream: ContainerServer | undefined,
) => Promise<{ container: Container; host: string; port: number }>;

/**
 * A server in a container of its own. The container outlives its server, so it keeps the files and the port. A new copy of another
 * server is a new container. Nobody notices if the server ends by itself.
 */
export class ContainerServer implements NodeServer {
  readonly replicationEndpoint: ServerEndpoint;
  #container: Container | undefined;
  #address: Omit<PostgresAddress, 'url'>;
  #running = false;
  #paused = false;
  /** The upstream to configure at the next start, because the server was stopped when it was told. */
  #untoldUpstream: ContainerServer | undefined;
  /** The logs of containers that were removed. */
  #earlierLog = '';

  constructor(
    readonly name: string,
    address: Omit<PostgresAddress, 'url'>,
    private readonly runContainer: RunContainer,
  ) {
    this.#address = address;
    this.replicationEndpoint = { host: name, port: 5432 };
  }

  get address(): PostgresAddress {
    return withUrl(this.#address);
  }

  get running(): boolean {
    return this.#running;
  }

  /** Makes the container and starts the server in it. */
  async create(upstream?: ContainerServer): Promise<void> {
    try {
      const { container, host, port } = await this.runContainer(this, upstream);
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
    if (this.#untoldUpstream) {
      await this.writeUpstream(this.#untoldUpstream);
      await this.reload();
    }
  }

  async stop(): Promise<void> {
    if (!this.#running) return;
    await this.resume();
    await this.#container?.kill({ signal: 'SIGINT' });
    await this.#waitForEnd(FAST_SHUTDOWN_TIMEOUT_MS);
    await this.kill();
  }

  async kill(): Promise<void> {
    if (!this.#running) return;
    await this.resume();
    // It fails if the server has just ended, which is what the caller wanted.
    await this.#container?.kill({ signal: 'SIGKILL' }).catch(() => {});
    await this.#waitForEnd(FAST_SHUTDOWN_TIMEOUT_MS);
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

  async writeUpstream(upstream: ContainerServer): Promise<void> {
    this.#untoldUpstream = this.#running ? undefined : upstream;
    if (!this.#running) return;
    const { host, port } = upstream.replicationEndpoint;
    const { username, password } = this.#address;
    const value = `host=${host} port=${port} user=${username} password=${password} application_name=${this.name}`;
    await withConnection(this.#address, (query) => query(`ALTER SYSTEM SET primary_conninfo = '${value}'`));
  }

  async reload(): Promise<void> {
    await withConnection(this.#address, (query) => query('SELECT pg_reload_conf()'));
  }

  async cloneFrom(upstream: ContainerServer): Promise<void> {
    this.#untoldUpstream = undefined;
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
          await withConnection(this.#address, (query) => query('SELECT 1'));
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
