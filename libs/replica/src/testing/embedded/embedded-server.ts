import { readFile, rm } from 'node:fs/promises';
import path from 'node:path';
import { NodeStartError } from '../cluster.error.js';
import { withConnection } from '../node-connection.js';
import { NodeServer, ServerEndpoint, withUrl } from '../node-server.js';
import { PostgresAddress } from '../postgres-cluster.js';
import { formatSettings } from '../postgres-settings.js';
import { waitUntil } from '../wait-until.js';
import { choosePort } from '../choose-port.js';
import { copyRunningServer } from './copy-running-server.js';
import { NODE_SETTINGS_FILE, writeOwned } from './init-data-folder.js';
import { PostgresProcess } from './postgres-process.js';
import { crashTree, freezeTree, signal, thawTree } from './process-tree.js';
import { nodeFiles, Workplace } from './workplace.js';

const START_TIMEOUT_MS = 60_000;
/** How long a start waits for its port, which another program may hold for a moment; milliseconds. */
const PORT_TIMEOUT_MS = 5_000;
const FAST_SHUTDOWN_TIMEOUT_MS = 10_000;
const LOG_TAIL_LINES = 20;

/** A server that runs as a child of this process. */
export class EmbeddedServer implements NodeServer {
  readonly dataFolder: string;
  readonly #logFile: string;
  #address: Omit<PostgresAddress, 'url'>;
  /** Until the first start has succeeded, nobody knows the port, so the server may take another one. */
  #wasReady = false;
  #process: PostgresProcess | undefined;
  #upstream: EmbeddedServer | undefined;

  constructor(
    readonly name: string,
    readonly workplace: Workplace,
    address: Omit<PostgresAddress, 'url'>,
  ) {
    this.#address = address;
    ({ dataFolder: this.dataFolder, logFile: this.#logFile } = nodeFiles(workplace, name));
  }

  get address(): PostgresAddress {
    return withUrl(this.#address);
  }

  get replicationEndpoint(): ServerEndpoint {
    return this.#address;
  }

  get running(): boolean {
    return this.#process !== undefined && this.#process.ending === undefined;
  }

  async start(): Promise<void> {
    const endMs = performance.now() + PORT_TIMEOUT_MS;
    for (;;) {
      await this.#writeNodeSettings();
      const logged = (await this.readLog()).length;
      const reason = await this.#tryStart();
      if (reason === undefined) break;
      const log = (await this.readLog()).slice(logged);
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

  async #tryStart(): Promise<string | undefined> {
    const started = new PostgresProcess(this.workplace, {
      program: 'postgres',
      args: ['-D', this.dataFolder],
      logFile: this.#logFile,
    });
    this.#process = started;
    await waitUntil(async () => started.ending !== undefined || (await this.#isReady(started.pid)), {
      timeoutMs: START_TIMEOUT_MS,
    });
    if (started.ending !== undefined) return started.ending;
    if (await this.#isReady(started.pid)) return undefined;
    await this.kill();
    return `not ready within ${START_TIMEOUT_MS} ms`;
  }

  /** The lock file's first line is the process, its eighth whether connections are accepted. */
  async #isReady(pid: number): Promise<boolean> {
    const lines = (
      await readFile(path.join(this.dataFolder, 'postmaster.pid'), 'utf8').catch(() => '')
    ).split('\n');
    return lines[0] === String(pid) && lines[7]?.trim() === 'ready';
  }

  async stop(): Promise<void> {
    await this.#end(async ({ pid }) => {
      thawTree(pid);
      signal(pid, 'SIGINT');
      await waitUntil(() => !this.running, { timeoutMs: FAST_SHUTDOWN_TIMEOUT_MS });
      // A hung replica holds its primary back, which waits until the replica confirms what it received.
      if (this.running) await crashTree(pid, () => !this.running);
    });
  }

  async kill(): Promise<void> {
    await this.#end(({ pid }) => crashTree(pid, () => !this.running));
  }

  async #end(how: (process: PostgresProcess) => Promise<void>): Promise<void> {
    if (this.#process && this.running) await how(this.#process);
  }

  async hang(): Promise<void> {
    if (this.#process && this.running) await freezeTree(this.#process.pid);
  }

  async resume(): Promise<void> {
    if (this.#process && this.running) thawTree(this.#process.pid);
  }

  async writeUpstream(upstream: EmbeddedServer): Promise<void> {
    this.#upstream = upstream;
    await writeOwned(this.workplace, path.join(this.dataFolder, 'standby.signal'), '');
    await this.#writeNodeSettings();
  }

  async reload(): Promise<void> {
    if (this.#process && this.running) signal(this.#process.pid, 'SIGHUP');
  }

  async cloneFrom(upstream: EmbeddedServer): Promise<void> {
    await rm(this.dataFolder, { recursive: true, force: true, maxRetries: 10 });
    await withConnection(upstream.address, async (query) => {
      await copyRunningServer({
        query,
        from: upstream.dataFolder,
        to: this.dataFolder,
        workplace: this.workplace,
      });
    });
    await this.writeUpstream(upstream);
  }

  async readLog(): Promise<string> {
    return await readFile(this.#logFile, 'utf8').catch(() => '');
  }

  async #writeNodeSettings(): Promise<void> {
    const { host, port, username, password } = this.#upstream?.address ?? {};
    const text = formatSettings({
      listen_addresses: this.address.host,
      port: this.address.port,
      unix_socket_directories: '',
      cluster_name: this.name,
      primary_conninfo: this.#upstream
        ? `host=${host} port=${port} user=${username} password=${password} application_name=${this.name}`
        : '',
    });
    await writeOwned(this.workplace, path.join(this.dataFolder, NODE_SETTINGS_FILE), text);
  }
}
