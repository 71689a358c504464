import { NodeStartError } from './cluster.error.js';
import { ClusterNode } from './cluster-node.js';
import { withConnection } from './node-connection.js';
import { ServerGroup } from './node-server.js';
import { PostgresCluster } from './postgres-cluster.js';
import { waitForCatchUp } from './wait-for-catch-up.js';
import { waitUntil } from './wait-until.js';

const CATCH_UP_TIMEOUT_MS = 10_000;
const STREAM_TIMEOUT_MS = 60_000;

/** A row for each replica that streams: `name` (its application_name). Privilege: pg_read_all_stats. */
const STREAMING_SQL = `SELECT application_name AS name FROM pg_stat_replication WHERE state = 'streaming'`;

/** A group of nodes, and the calls that concern all of them. */
export class ReplicationCluster implements PostgresCluster {
  readonly backend: 'embedded' | 'containers';
  readonly primary: ClusterNode;
  readonly replicas: readonly ClusterNode[];
  readonly nodes: readonly ClusterNode[];
  #stopped: Promise<void> | undefined;

  constructor(
    private readonly group: ServerGroup,
    private readonly log: (line: string) => void,
  ) {
    this.backend = group.backend;
    this.primary = new ClusterNode('primary', group.primary, log);
    this.replicas = group.replicas.map((it) => new ClusterNode('replica', it, log));
    for (const replica of this.replicas) replica.upstream = this.primary;
    this.nodes = [this.primary, ...this.replicas];
  }

  /**
   * Resolves when every replica streams.
   * @throws NodeStartError
   */
  async waitForStreams(): Promise<void> {
    const missing = new Set(this.replicas.map((it) => it.name));
    const streaming = await withConnection(this.primary.server.address, async (query) =>
      waitUntil(
        async () => {
          for (const { name } of await query<{ name: string }>(STREAMING_SQL)) missing.delete(name);
          return missing.size === 0;
        },
        { timeoutMs: STREAM_TIMEOUT_MS },
      ),
    );
    const late = this.replicas.find((it) => missing.has(it.name));
    if (streaming || !late) return;
    throw new NodeStartError(
      late.name,
      `it does not stream after ${STREAM_TIMEOUT_MS} ms`,
      await late.readLog(),
    );
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
