import { NodeStartError } from './cluster.error.js';
import { ClusterNode } from './cluster-node.js';
import { withConnection } from './node-connection.js';
import { ServerGroup } from './node-server.js';
import { PostgresCluster } from './postgres-cluster.js';
import { waitForCatchUp } from './wait-for-catch-up.js';
import { waitUntil } from './wait-until.js';

const CATCH_UP_TIMEOUT_MS = 10_000;
const STREAM_TIMEOUT_MS = 60_000;

/** One row for each replica that streams: `name` (its application_name). Privilege: pg_read_all_stats. */
const STREAMING_SQL = `SELECT application_name AS name FROM pg_stat_replication WHERE state = 'streaming'`;

/** The nodes of a group of servers, and what concerns all of them. */
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

  /** Makes the database and resolves when every replica streams and has it. */
  async prepare(): Promise<void> {
    const { server, database } = this.primary;
    await withConnection({ ...server.address, database: 'postgres' }, async (query) => {
      await query(`CREATE DATABASE ${database}`);
      const missing = new Set(this.replicas.map((it) => it.name));
      const streaming = await waitUntil(
        async () => {
          for (const { name } of await query<{ name: string }>(STREAMING_SQL)) missing.delete(name);
          return missing.size === 0;
        },
        { timeoutMs: STREAM_TIMEOUT_MS },
      );
      const late = this.replicas.find((it) => missing.has(it.name));
      if (!streaming && late) {
        throw new NodeStartError(
          late.name,
          `it does not stream after ${STREAM_TIMEOUT_MS} ms`,
          await late.readLog(),
        );
      }
    });
    await this.#waitForDatabase();
  }

  /** Connections to a replica go to the database that it does not have yet: it is asked by way of the other one. */
  async #waitForDatabase(): Promise<void> {
    await Promise.all(
      this.replicas.map(({ server, database }) =>
        withConnection({ ...server.address, database: 'postgres' }, async (query) =>
          waitUntil(
            async () => (await query('SELECT FROM pg_database WHERE datname = $1', [database])).length > 0,
            { timeoutMs: CATCH_UP_TIMEOUT_MS, intervalMs: 2 },
          ),
        ),
      ),
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
