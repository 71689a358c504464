import { rm } from 'node:fs/promises';
import path from 'node:path';
import { NodeAddress } from '../database-cluster.js';
import { copyTree } from '../embedded/copy-tree.js';
import { EmbeddedServer } from '../embedded/embedded-server.js';
import { SETTLE_TIMEOUT_MS, signal } from '../embedded/process-tree.js';
import { ServerProcess } from '../embedded/server-process.js';
import { Workplace } from '../embedded/workplace.js';
import { waitUntil } from '../wait-until.js';
import { MariadbInstallation } from './init-template.js';
import { waitForReplayStart } from './mariadb-replication.js';
import { MariadbServer } from './mariadb-server.js';
import { formatArguments } from './mariadb-settings.js';

/** A MariaDB server that runs as a child of this process. */
export class EmbeddedMariadbServer extends EmbeddedServer implements MariadbServer {
  protected readonly scheme = 'mariadb';
  isReadOnly = false;
  #serverId = 0;

  constructor(
    name: string,
    address: Omit<NodeAddress, 'url'>,
    workplace: Workplace,
    private readonly installation: MariadbInstallation,
  ) {
    super(name, workplace, address);
  }

  protected async launch(): Promise<ServerProcess> {
    const { mariadbd, settings, userArguments } = this.installation;
    const { host, port } = this.address;
    const own = {
      datadir: this.dataFolder,
      // A server that starts removes the temporary tables that it finds there, whoever's they are.
      tmpdir: path.dirname(this.dataFolder),
      pid_file: `${this.name}.pid`,
      server_id: this.#serverId,
      read_only: this.isReadOnly,
      bind_address: host,
      port,
      socket: '',
      report_host: host,
      report_port: port,
      general_log_file: this.logFile,
    };
    return new ServerProcess(this.workplace, {
      program: mariadbd,
      args: ['--no-defaults', ...userArguments, ...formatArguments({ ...settings, ...own })],
      kind: 'group',
      logFile: this.logFile,
    });
  }

  protected async isReady(_pid: number, readNewLog: () => Promise<string>): Promise<boolean> {
    return (await readNewLog()).includes('ready for connections');
  }

  protected shutDown(pid: number): void {
    signal(pid, 'SIGTERM');
  }

  protected async crash(pid: number, hasEnded: () => boolean): Promise<void> {
    signal(pid, 'SIGKILL');
    await waitUntil(hasEnded, { timeoutMs: SETTLE_TIMEOUT_MS, intervalMs: 1 });
  }

  override async start(): Promise<void> {
    if (this.running) return;
    await super.start();
    await waitForReplayStart(this);
  }

  async renew(): Promise<void> {
    this.#serverId = this.installation.nextServerId();
    await rm(this.dataFolder, { recursive: true, force: true, maxRetries: 10 });
    await copyTree(this.installation.template, this.dataFolder);
  }
}
