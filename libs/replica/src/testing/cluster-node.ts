import { ClusterStoppedError, NodeStartError, NodeStateError } from './cluster.error.js';
import { despiteConflicts, withConnection } from './node-connection.js';
import { NodeServer } from './node-server.js';
import { PostgresNode, PostgresNodeRole, PostgresNodeState } from './postgres-cluster.js';
import { isStreamingFrom, readReplayed } from './replication-state.js';
import { waitUntil } from './wait-until.js';

/** A re-pointed replica that does not stream after this time has diverged; milliseconds. */
const REPOINT_TIMEOUT_MS = 3_000;
const STREAM_TIMEOUT_MS = 30_000;
const REPLAY_TIMEOUT_MS = 30_000;
const PROMOTE_TIMEOUT_S = 60;

/** A server with its part in replication: it knows whom it follows, and which calls its state allows. */
export class ClusterNode implements PostgresNode {
  /** The node that this one replicates; undefined for a primary. */
  upstream: ClusterNode | undefined;
  #hung = false;
  #closed = false;
  #last: Promise<unknown> = Promise.resolve();

  constructor(
    readonly role: PostgresNodeRole,
    readonly server: NodeServer,
    private readonly log: (line: string) => void,
  ) {}

  get name(): string {
    return this.server.name;
  }
  get host(): string {
    return this.server.address.host;
  }
  get port(): number {
    return this.server.address.port;
  }
  get database(): string {
    return this.server.address.database;
  }
  get username(): string {
    return this.server.address.username;
  }
  get password(): string {
    return this.server.address.password;
  }
  get url(): string {
    return this.server.address.url;
  }

  get state(): PostgresNodeState {
    if (!this.server.running) return 'stopped';
    return this.#hung ? 'hung' : 'running';
  }

  async start(): Promise<void> {
    await this.#inTurn('start', async () => {
      if (this.state === 'hung') throw new NodeStateError(this.name, 'start', 'it is hung: resume() it');
      if (this.state === 'stopped') await this.server.start();
    });
  }

  async stop(): Promise<void> {
    await this.#inTurn('stop', async () => {
      await this.server.stop();
      this.#hung = false;
    });
  }

  async kill(): Promise<void> {
    await this.#inTurn('kill', async () => {
      await this.server.kill();
      this.#hung = false;
    });
  }

  async hang(): Promise<void> {
    await this.#inTurn('hang', async () => {
      if (this.state === 'stopped') throw new NodeStateError(this.name, 'hang', 'it is stopped');
      await this.server.hang();
      this.#hung = true;
    });
  }

  async resume(): Promise<void> {
    await this.#inTurn('resume', async () => {
      await this.server.resume();
      this.#hung = false;
    });
  }

  async pauseReplay(): Promise<void> {
    await this.#inTurn('pause replay', async () => {
      this.#mustReplicate('pause replay');
      await this.query('SELECT pg_wal_replay_pause()');
      await this.#waitForPauseState('paused');
    });
  }

  async resumeReplay(): Promise<void> {
    await this.#inTurn('resume replay', async () => {
      this.#mustReplicate('resume replay');
      await despiteConflicts(() => this.query('SELECT pg_wal_replay_resume()'));
      await this.#waitForPauseState('not paused');
    });
  }

  async promote(): Promise<void> {
    await this.#inTurn('promote', async () => {
      this.#mustReplicate('promote');
      const [row] = await this.query<{ promoted: boolean }>(
        `SELECT pg_promote(true, ${PROMOTE_TIMEOUT_S}) AS promoted`,
      );
      if (row?.promoted !== true) {
        throw new NodeStateError(
          this.name,
          'promote',
          `the server did not do it within ${PROMOTE_TIMEOUT_S} s`,
        );
      }
      this.upstream = undefined;
    });
  }

  async follow(upstream: PostgresNode): Promise<void> {
    await this.#inTurn(`follow ${upstream.name}`, async () => {
      const target = await this.#checkUpstream(upstream);
      if (this.upstream) {
        await this.server.writeUpstream(target.server);
        await (this.server.running ? this.server.reload() : this.server.start());
        if (await this.#streamsFrom(target, REPOINT_TIMEOUT_MS)) return this.#replicates(target);
        this.log(`${this.name}: cannot go on from where it is, is copied again`);
      }
      await this.server.kill();
      await this.server.cloneFrom(target.server);
      await this.server.start();
      if (!(await this.#streamsFrom(target, STREAM_TIMEOUT_MS))) {
        throw new NodeStartError(this.name, `it does not stream from ${target.name}`, await this.readLog());
      }
      this.#replicates(target);
    });
  }

  async query<Row extends object = Record<string, unknown>>(
    sql: string,
    params: readonly unknown[] = [],
  ): Promise<Row[]> {
    if (this.#closed) throw new ClusterStoppedError(this.name);
    return await withConnection(this.server.address, (query) => query<Row>(sql, params));
  }

  async readLog(): Promise<string> {
    if (this.#closed) throw new ClusterStoppedError(this.name);
    return await this.server.readLog();
  }

  /** Ends the server, whatever its state, once the call under way has ended. Later calls do nothing. */
  async close(): Promise<void> {
    this.#closed = true;
    await this.server.kill();
    await this.#last;
    await this.server.kill();
  }

  async #inTurn(action: string, work: () => Promise<void>): Promise<void> {
    const turn = this.#last.then(async () => {
      if (this.#closed) throw new ClusterStoppedError(this.name);
      await work();
      this.log(`${this.name}: ${action} done`);
    });
    this.#last = turn.catch(() => {});
    await turn;
  }

  #replicates(upstream: ClusterNode): void {
    this.upstream = upstream;
  }

  #mustReplicate(action: string): void {
    if (this.state !== 'running') throw new NodeStateError(this.name, action, `it is ${this.state}`);
    if (!this.upstream) throw new NodeStateError(this.name, action, 'it is a primary');
  }

  async #checkUpstream(upstream: PostgresNode): Promise<ClusterNode> {
    const action = `follow ${upstream.name}`;
    if (!(upstream instanceof ClusterNode) || upstream === this) {
      throw new NodeStateError(this.name, action, 'it must be another node of the same cluster');
    }
    if (upstream.state !== 'running')
      throw new NodeStateError(this.name, action, `that node is ${upstream.state}`);
    if (this.state === 'hung') throw new NodeStateError(this.name, action, 'it is hung: resume() it');
    if (this.upstream && this.state === 'running') {
      const { state } = await withConnection(this.server.address, readReplayed);
      if (state === 'paused')
        throw new NodeStateError(this.name, action, 'its replay is paused: resumeReplay() it');
    }
    return upstream;
  }

  async #streamsFrom(upstream: ClusterNode, timeoutMs: number): Promise<boolean> {
    return await withConnection(this.server.address, async (here) =>
      withConnection(upstream.server.address, async (there) =>
        waitUntil(() => isStreamingFrom(here, there, upstream.server.replicationEndpoint), { timeoutMs }),
      ),
    );
  }

  async #waitForPauseState(wanted: 'paused' | 'not paused'): Promise<void> {
    const reached = await withConnection(this.server.address, async (query) =>
      waitUntil(
        async () => {
          const [row] = await despiteConflicts(() =>
            query<{ state: string }>('SELECT pg_get_wal_replay_pause_state() AS state'),
          );
          return row?.state === wanted;
        },
        { timeoutMs: REPLAY_TIMEOUT_MS, intervalMs: 1 },
      ),
    );
    if (!reached) throw new NodeStateError(this.name, `be ${wanted}`, `not within ${REPLAY_TIMEOUT_MS} ms`);
  }
}
