import { readFile, rm } from 'node:fs/promises';
import path from 'node:path';
import { EmbeddedServer } from '../embedded/embedded-server.js';
import { signal } from '../embedded/process-tree.js';
import { ServerProcess } from '../embedded/server-process.js';
import { copyRunningServer } from './copy-running-server.js';
import { crashPostgres } from './crash-postgres.js';
import { NODE_SETTINGS_FILE, writeOwned } from './init-data-folder.js';
import { binFolder } from './install-binaries.js';
import { withConnection } from './postgres-connection.js';
import { PostgresServer } from './postgres-server.js';
import { formatSettings } from './postgres-settings.js';

/** A PostgreSQL server that runs as a child of this process. */
export class EmbeddedPostgresServer extends EmbeddedServer implements PostgresServer {
  protected readonly scheme = 'postgres';
  #upstream: EmbeddedPostgresServer | undefined;

  protected async launch(): Promise<ServerProcess> {
    await this.#writeNodeSettings();
    return new ServerProcess(this.workplace, {
      program: path.join(binFolder(this.workplace), 'postgres'),
      args: ['-D', this.dataFolder],
      kind: 'postgres',
      logFile: this.logFile,
    });
  }

  /** The lock file's first line is the process, its eighth whether connections are accepted. */
  protected async isReady(pid: number): Promise<boolean> {
    const lines = (
      await readFile(path.join(this.dataFolder, 'postmaster.pid'), 'utf8').catch(() => '')
    ).split('\n');
    return lines[0] === String(pid) && lines[7]?.trim() === 'ready';
  }

  protected shutDown(pid: number): void {
    signal(pid, 'SIGINT');
  }

  protected async crash(pid: number, hasEnded: () => boolean): Promise<void> {
    await crashPostgres(pid, hasEnded);
  }

  async writeUpstream(upstream: EmbeddedPostgresServer): Promise<void> {
    this.#upstream = upstream;
    await writeOwned(this.workplace, path.join(this.dataFolder, 'standby.signal'), '');
    await this.#writeNodeSettings();
  }

  async reload(): Promise<void> {
    if (this.pid !== undefined) signal(this.pid, 'SIGHUP');
  }

  async cloneFrom(upstream: EmbeddedPostgresServer): Promise<void> {
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
