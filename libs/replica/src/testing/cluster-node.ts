import { ClusterStoppedError, NodeStartError, NodeStateError } from './cluster.error.js';
import { DatabaseNode, NodeRole, NodeState } from './database-cluster.js';
import { NodeServer } from './node-server.js';
import { Replication, StreamState } from './replication.js';
import { waitUntil } from './wait-until.js';

/** A re-pointed replica that does not stream after this time has diverged; milliseconds. */
const REPOINT_TIMEOUT_MS = 3_000;
const STREAM_TIMEOUT_MS = 30_000;

/** A server with its part in replication: it knows whom it follows, and which calls its state allows. */
export class ClusterNode<Server extends NodeServer = NodeServer> implements DatabaseNode {
  /** The node that this one replicates; undefined for a primary. */
  upstream: ClusterNode<Server> | undefined;
  #hung = false;
  #closed = false;
  #last: Promise<unknown> = Promise.resolve();

  constructor(
    readonly role: NodeRole,
    readonly server: Server,
    readonly replication: Replication<Server>,
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

  get state(): NodeState {
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
      await this.replication.pauseReplay(this.server);
    });
  }

  async resumeReplay(): Promise<void> {
    await this.#inTurn('resume replay', async () => {
      this.#mustReplicate('resume replay');
      await this.replication.resumeReplay(this.server);
    });
  }

  async promote(): Promise<void> {
    await this.#inTurn('promote', async () => {
      this.#mustReplicate('promote');
      await this.replication.promote(this.server);
      this.upstream = undefined;
    });
  }

  async follow(upstream: DatabaseNode): Promise<void> {
    await this.#inTurn(`follow ${upstream.name}`, async () => {
      const target = await this.#checkUpstream(upstream);
      if (await this.replication.repoint(this.server, target.server, this.upstream === undefined)) {
        if (await this.#streamsFrom(target, REPOINT_TIMEOUT_MS)) return;
        this.log(`${this.name}: cannot go on from where it is, is copied again`);
      }
      await this.server.kill();
      await this.replication.copy(this.server, target.server);
      await this.mustStreamFrom(target);
    });
  }

  /**
   * Resolves when this node streams from `upstream`, which it has been told to follow.
   * @throws NodeStartError
   */
  async mustStreamFrom(upstream: ClusterNode<Server>): Promise<void> {
    if (await this.#streamsFrom(upstream, STREAM_TIMEOUT_MS)) return;
    throw new NodeStartError(
      this.name,
      `it does not stream from ${upstream.name} after ${STREAM_TIMEOUT_MS} ms`,
      await this.readLog(),
    );
  }

  async query<Row extends object = Record<string, unknown>>(
    sql: string,
    params: readonly unknown[] = [],
  ): Promise<Row[]> {
    if (this.#closed) throw new ClusterStoppedError(this.name);
    return await this.replication.withConnection(this.server.address, (query) => query<Row>(sql, params));
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

  #mustReplicate(action: string): void {
    if (this.state !== 'running') throw new NodeStateError(this.name, action, `it is ${this.state}`);
    if (!this.upstream) throw new NodeStateError(this.name, action, 'it is a primary');
  }

  async #checkUpstream(upstream: DatabaseNode): Promise<ClusterNode<Server>> {
    const action = `follow ${upstream.name}`;
    if (!this.#isOfThisCluster(upstream) || upstream === this) {
      throw new NodeStateError(this.name, action, 'it must be another node of the same cluster');
    }
    if (upstream.state !== 'running')
      throw new NodeStateError(this.name, action, `that node is ${upstream.state}`);
    if (this.state === 'hung') throw new NodeStateError(this.name, action, 'it is hung: resume() it');
    if (this.upstream && this.state === 'running' && (await this.replication.isPaused(this.server))) {
      throw new NodeStateError(this.name, action, 'its replay is paused: resumeReplay() it');
    }
    return upstream;
  }

  #isOfThisCluster(node: DatabaseNode): node is ClusterNode<Server> {
    return node instanceof ClusterNode && node.replication === this.replication;
  }

  async #streamsFrom(upstream: ClusterNode<Server>, timeoutMs: number): Promise<boolean> {
    const { replication } = this;
    const streams = await replication.withConnection(this.server.address, async (here) =>
      replication.withConnection(upstream.server.address, async (there) => {
        const readState = (): Promise<StreamState> =>
          replication.streamState(here, there, upstream.server.replicationEndpoint);
        await waitUntil(async () => (await readState()) !== 'not yet', { timeoutMs });
        return (await readState()) === 'streaming';
      }),
    );
    if (streams) this.upstream = upstream;
    return streams;
  }
}
