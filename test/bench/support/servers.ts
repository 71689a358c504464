import { setTimeout as sleep } from 'node:timers/promises';
import type { DatabaseCluster } from 'nestjs-replica/testing';
import pg from 'pg';
import { parentOf, processorTimeUs, withDescendants } from './processor-time.js';

/** How a process that measures reaches a cluster. */
export interface ClusterAddress {
  readonly primaryUrl: string;
  readonly replicas: readonly { readonly name: string; readonly url: string }[];
  /** The servers are processes of this machine. */
  readonly isLocal: boolean;
  /** Where a pooler in front of the cluster listens, and its process. */
  readonly pooler?: { readonly url: string; readonly pid: number };
}

export function addressOf(cluster: DatabaseCluster, pooler?: ClusterAddress['pooler']): ClusterAddress {
  return {
    primaryUrl: cluster.primary.url,
    replicas: cluster.replicas.map(({ name, url }) => ({ name, url })),
    isLocal: cluster.backend === 'embedded',
    pooler: pooler && { url: pooler.url, pid: pooler.pid },
  };
}

/** What the servers themselves tell about a measurement: processor time, connections and transactions. */
export class Servers {
  readonly #clients: readonly pg.Client[];
  readonly #isLocal: boolean;
  #processes: number[];

  private constructor({ primaryUrl, replicas, isLocal, pooler }: ClusterAddress) {
    this.#clients = [primaryUrl, ...replicas.map(({ url }) => url)].map(
      (connectionString) => new pg.Client({ connectionString, application_name: 'bench' }),
    );
    this.#isLocal = isLocal;
    this.#processes = pooler === undefined ? [] : [pooler.pid];
  }

  static async connect(address: ClusterAddress): Promise<Servers> {
    const servers = new Servers(address);
    await Promise.all(servers.#clients.map((client) => client.connect()));
    await servers.#findProcesses();
    return servers;
  }

  async close(): Promise<void> {
    await Promise.all(this.#clients.map((client) => client.end()));
  }

  /** Processor time of all servers and the pooler since they began; microseconds, in steps of 10 ms. `null`: unknown here. */
  processorTimeUs(): number | null {
    return this.#isLocal ? processorTimeUs(this.#processes) : null;
  }

  /** All their processes. */
  get processes(): readonly number[] {
    return withDescendants(this.#processes);
  }

  /** Client connections to all nodes, without those of the benchmarks themselves. */
  async connections(): Promise<number> {
    const counts = await this.#ask(
      `SELECT count(*)::int AS value FROM pg_stat_activity
       WHERE backend_type = 'client backend' AND application_name <> 'bench'`,
    );
    return counts.reduce((sum, count) => sum + count, 0);
  }

  /** Transactions that succeeded, by node, the primary first. Servers tell of them up to some seconds late. */
  transactions(): Promise<number[]> {
    return this.#ask(
      `SELECT xact_commit::float8 AS value FROM pg_stat_database WHERE datname = current_database()`,
    );
  }

  /** Throws unless the right nodes answered at least 90% of the `reads` made since `before`. Fast elsewhere is wrong. */
  async assertServed(
    by: 'primary' | 'replicas',
    { reads, before }: { reads: number; before: readonly number[] },
  ): Promise<void> {
    let served: number[] = [];
    for (const deadlineMs = performance.now() + SETTLE_MS; performance.now() < deadlineMs; await sleep(200)) {
      served = (await this.transactions()).map((count, node) => count - (before[node] ?? 0));
      const [primary = 0, ...replicas] = served;
      const count = by === 'primary' ? primary : replicas.reduce((sum, one) => sum + one, 0);
      if (count >= 0.9 * reads) return;
    }
    throw new Error(`of ${reads} reads the nodes answered ${served.join(', ')}, which is not: by the ${by}`);
  }

  async #findProcesses(): Promise<void> {
    const backends = this.#isLocal ? await this.#ask('SELECT pg_backend_pid() AS value') : [];
    this.#processes = [...this.#processes, ...backends.flatMap((pid) => parentOf(pid) ?? [])];
  }

  async #ask(sql: string): Promise<number[]> {
    const answers = await Promise.all(this.#clients.map((client) => client.query<{ value: number }>(sql)));
    return answers.map(({ rows }) => rows[0]?.value ?? 0);
  }
}

/** An idle server process reports its counts after at most 10 s. */
const SETTLE_MS = 12_000;
