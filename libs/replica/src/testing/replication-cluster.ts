import { ClusterNode } from './cluster-node.js';
import { DatabaseCluster } from './database-cluster.js';
import { NodeServer } from './node-server.js';
import { ServerGroup } from './server-group.js';
import { waitForCatchUp } from './wait-for-catch-up.js';

const CATCH_UP_TIMEOUT_MS = 10_000;

/** A group of nodes, and the calls that concern all of them. */
export class ReplicationCluster<Server extends NodeServer> implements DatabaseCluster {
  readonly backend: 'embedded' | 'containers';
  readonly primary: ClusterNode<Server>;
  readonly replicas: readonly ClusterNode<Server>[];
  readonly nodes: readonly ClusterNode<Server>[];
  #stopped: Promise<void> | undefined;

  constructor(
    private readonly group: ServerGroup<Server>,
    private readonly log: (line: string) => void,
  ) {
    const { backend, primary, replicas, replication } = group;
    this.backend = backend;
    this.primary = new ClusterNode('primary', primary, replication, log);
    this.replicas = replicas.map((it) => new ClusterNode('replica', it, replication, log));
    this.nodes = [this.primary, ...this.replicas];
  }

  /**
   * Resolves when every replica streams.
   * @throws NodeStartError
   */
  async waitForStreams(): Promise<void> {
    await Promise.all(this.replicas.map((it) => it.mustStreamFrom(this.primary)));
  }

  async waitForCatchUp({ timeoutMs = CATCH_UP_TIMEOUT_MS }: { timeoutMs?: number } = {}): Promise<void> {
    await waitForCatchUp(this.nodes, timeoutMs);
  }

  stop(): Promise<void> {
    this.#stopped ??= this.#stopOnce();
    return this.#stopped;
  }

  async #stopOnce(): Promise<void> {
    try {
      await Promise.all(this.nodes.map((it) => it.close()));
    } finally {
      await this.group.release();
    }
    this.log('cluster: stopped, its files are removed');
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
  }
}
