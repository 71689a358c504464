import { readFile } from 'node:fs/promises';
import { choosePort } from '../choose-port.js';
import { NodeStartError } from '../cluster.error.js';
import { NodeAddress } from '../database-cluster.js';
import { NodeServer, ServerEndpoint, withUrl } from '../node-server.js';
import { waitUntil } from '../wait-until.js';
import { freezeTree, thawTree } from './process-tree.js';
import { ServerProcess } from './server-process.js';
import { nodeFiles, Workplace } from './workplace.js';

const START_TIMEOUT_MS = 60_000;
/** How long a start waits for its port, which another program may hold for a moment; milliseconds. */
const PORT_TIMEOUT_MS = 5_000;
const SHUTDOWN_TIMEOUT_MS = 10_000;
const LOG_TAIL_LINES = 20;

/** A server that runs as a child of this process. */
export abstract class EmbeddedServer implements NodeServer {
  readonly dataFolder: string;
  protected readonly logFile: string;
  #address: Omit<NodeAddress, 'url'>;
  /** Until the first start has succeeded, nobody knows the port, so the server may take another one. */
  #wasReady = false;
  #process: ServerProcess | undefined;

  constructor(
    readonly name: string,
    readonly workplace: Workplace,
    address: Omit<NodeAddress, 'url'>,
  ) {
    this.#address = address;
    ({ dataFolder: this.dataFolder, logFile: this.logFile } = nodeFiles(workplace, name));
  }

  protected abstract readonly scheme: 'postgres' | 'mariadb';
  /** Starts the server's program at the present address. */
  protected abstract launch(): Promise<ServerProcess>;
  /** @param readNewLog reads what the server has logged since this start */
  protected abstract isReady(pid: number, readNewLog: () => Promise<string>): Promise<boolean>;
  /** Asks the server, which is not frozen, to end properly. */
  protected abstract shutDown(pid: number): void;
  /** Ends the server at once, frozen or not, and resolves when it has ended. */
  protected abstract crash(pid: number, hasEnded: () => boolean): Promise<void>;

  get address(): NodeAddress {
    return withUrl(this.scheme, this.#address);
  }

  get replicationEndpoint(): ServerEndpoint {
    return this.#address;
  }

  get running(): boolean {
    return this.#process !== undefined && this.#process.ending === undefined;
  }

  /** The process's number while the server runs. */
  protected get pid(): number | undefined {
    return this.running ? this.#process?.pid : undefined;
  }

  async start(): Promise<void> {
    const endMs = performance.now() + PORT_TIMEOUT_MS;
    for (;;) {
      const logged = (await this.readLog()).length;
      const readNewLog = async (): Promise<string> => (await this.readLog()).slice(logged);
      const reason = await this.#tryStart(readNewLog);
      if (reason === undefined) break;
      const log = await readNewLog();
      if (!log.includes('Address already in use') || performance.now() > endMs) {
        throw new NodeStartError(
          this.name,
          reason,
          log.trimEnd().split('\n').slice(-LOG_TAIL_LINES).join('\n'),
        );
      }
      if (!this.#wasReady) this.#address = { ...this.#address, port: await choosePort() };
    }
    this.#wasReady = true;
  }

  async #tryStart(readNewLog: () => Promise<string>): Promise<string | undefined> {
    const started = await this.launch();
    this.#process = started;
    const isReady = (): Promise<boolean> => this.isReady(started.pid, readNewLog);
    await waitUntil(async () => started.ending !== undefined || (await isReady()), {
      timeoutMs: START_TIMEOUT_MS,
    });
    if (started.ending !== undefined) return started.ending;
    if (await isReady()) return undefined;
    await this.kill();
    return `not ready within ${START_TIMEOUT_MS} ms`;
  }

  async stop(): Promise<void> {
    const { pid } = this;
    if (pid === undefined) return;
    thawTree(pid);
    this.shutDown(pid);
    await waitUntil(() => !this.running, { timeoutMs: SHUTDOWN_TIMEOUT_MS });
    // What is hung may hold it back: a primary of PostgreSQL waits until its replicas confirm what they received.
    await this.kill();
  }

  async kill(): Promise<void> {
    const { pid } = this;
    if (pid !== undefined) await this.crash(pid, () => !this.running);
  }

  async hang(): Promise<void> {
    const { pid } = this;
    if (pid !== undefined) await freezeTree(pid);
  }

  async resume(): Promise<void> {
    const { pid } = this;
    if (pid !== undefined) thawTree(pid);
  }

  async readLog(): Promise<string> {
    return await readFile(this.logFile, 'utf8').catch(() => '');
  }
}
