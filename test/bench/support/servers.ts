import { setTimeout as sleep } from 'node:timers/promises';
import type { DatabaseCluster } from 'nestjs-replica/testing';
import { processorTimeUs, withDescendants } from './processor-time.js';
import { connectTo, type ServerClient } from './server-client.js';

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
  readonly #clients: readonly ServerClient[];
  readonly #isLocal: boolean;
  readonly #processes: readonly number[];

  private constructor(clients: readonly ServerClient[], isLocal: boolean, processes: readonly number[]) {
    this.#clients = clients;
    this.#isLocal = isLocal;
    this.#processes = processes;
  }

  static async connect({ primaryUrl, replicas, isLocal, pooler }: ClusterAddress): Promise<Servers> {
    const clients = await Promise.all([primaryUrl, ...replicas.map(({ url }) => url)].map(connectTo));
    const found = isLocal ? await Promise.all(clients.map((client) => client.process())) : [];
    const processes = [pooler?.pid, ...found].filter((pid) => pid !== undefined);
    return new Servers(clients, isLocal, processes);
  }

  async close(): Promise<void> {
    await Promise.all(this.#clients.map((client) => client.close()));
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
    const counts = await Promise.all(this.#clients.map((client) => client.connections()));
    return counts.reduce((sum, count) => sum + count, 0);
  }

  /** What {@link ServerClient.transactions} tells, by node, the primary first. */
  transactions(): Promise<number[]> {
    return Promise.all(this.#clients.map((client) => client.transactions()));
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
}

/** An idle server process reports its counts after at most 10 s. */
const SETTLE_MS = 12_000;
