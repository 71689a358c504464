import {
  startPostgresCluster,
  startTcpProxy,
  type PostgresCluster,
  type ClusterOptions,
  type PostgresNode,
  type TcpProxy,
} from 'nestjs-replica/testing';
import type { AppUnderFault } from './app-under-fault.js';
import { ROWS_PER_WRITER } from './checked-load.js';
import type { VersionsAppOptions } from './versions-app.js';

/** Servers that run when a stage is set. */
export const STAGE_NODES = ['primary', 'replica-1', 'replica-2'] as const;

/** A cluster, a proxy before each of its nodes, and who has which part at present. */
export class FaultStage {
  readonly cluster: PostgresCluster;
  readonly #proxies: ReadonlyMap<string, TcpProxy>;
  #primary: PostgresNode;
  #former: PostgresNode | undefined;

  private constructor(cluster: PostgresCluster, proxies: ReadonlyMap<string, TcpProxy>) {
    this.cluster = cluster;
    this.#proxies = proxies;
    this.#primary = cluster.primary;
  }

  /** @param writers how many writers need rows */
  static async set(settings: ClusterOptions['settings'], writers: number): Promise<FaultStage> {
    const cluster = await startPostgresCluster({ replicas: 2, settings });
    const proxies = await Promise.all(
      cluster.nodes.map(async (node) => [node.name, await startTcpProxy(node)] as const),
    );
    const { primary } = cluster;
    await primary.query('CREATE TABLE counter (id int PRIMARY KEY, version int NOT NULL)');
    await primary.query('INSERT INTO counter SELECT n, 0 FROM generate_series(1, $1) n', [
      writers * ROWS_PER_WRITER,
    ]);
    await cluster.waitForCatchUp();
    return new FaultStage(cluster, new Map(proxies));
  }

  /** Who takes writes. */
  get primary(): PostgresNode {
    return this.#primary;
  }

  /** Who took writes before the last failover. */
  get former(): PostgresNode {
    if (this.#former === undefined) throw new Error('there was no failover');
    return this.#former;
  }

  get replicas(): readonly PostgresNode[] {
    return this.cluster.nodes.filter((node) => node !== this.#primary);
  }

  /** The replica to which things are done. */
  get victim(): PostgresNode {
    return this.replicas[0] as PostgresNode;
  }

  proxy(node: PostgresNode): TcpProxy {
    return this.#proxies.get(node.name) as TcpProxy;
  }

  /** How an application reaches the nodes, by their present parts; `through` the proxies, or directly. */
  addresses({
    isProxied,
    query = '',
  }: {
    isProxied: boolean;
    query?: string;
  }): Pick<VersionsAppOptions, 'primary' | 'replicas'> {
    const address = (node: PostgresNode): { name: string; url: string } => ({
      name: node.name,
      url: (isProxied ? this.proxy(node).url : node.url) + query,
    });
    return { primary: address(this.primary), replicas: this.replicas.map(address) };
  }

  /** All rows as at the beginning, everywhere. */
  async resetRows(): Promise<void> {
    await this.primary.query('UPDATE counter SET version = 0');
    await this.cluster.waitForCatchUp();
  }

  /**
   * What a failover manager does when the primary is gone: promotes the replica that has received most, once all have
   * replayed what they have. Whatever the lost primary had not sent never was: the application's clients are told.
   */
  async failOver(app: AppUnderFault): Promise<{ lostWrites: number }> {
    const received = await Promise.all(
      this.replicas.map(async (node) => [await replayAll(node), node] as const),
    );
    const [, best] = received.reduce((a, b) => (b[0] > a[0] ? b : a));
    const rows = await best.query<{ id: number; version: number }>('SELECT id, version FROM counter');
    const lostWrites = await app.historyEnded(rows.map(({ id, version }) => [id, version] as const));
    await best.promote();
    this.#former = this.#primary;
    this.#primary = best;
    return { lostWrites };
  }

  /** The replicas that run follow the new primary. */
  async followPrimary(): Promise<void> {
    for (const node of this.replicas) if (node.state === 'running') await node.follow(this.primary);
  }

  /** Everything runs and replicates as at the beginning. */
  async heal(): Promise<void> {
    await Promise.all([...this.#proxies.values()].map((proxy) => proxy.restore()));
    for (const node of this.replicas) {
      await node.start();
      await node.follow(this.primary);
    }
  }

  /** How many connections of these applications each running node has. */
  async connections(applications: readonly string[]): Promise<Record<string, number>> {
    const counts = this.cluster.nodes
      .filter(({ state }) => state === 'running')
      .map(async (node) => {
        const [row] = await node.query<{ count: number }>(
          'SELECT count(*)::int AS count FROM pg_stat_activity WHERE application_name = ANY($1)',
          [applications],
        );
        return [node.name, row?.count ?? 0] as const;
      });
    return Object.fromEntries(await Promise.all(counts));
  }

  async clear(): Promise<void> {
    await Promise.all([...this.#proxies.values()].map((proxy) => proxy.close()));
    await this.cluster.stop();
  }
}

/**
 * Resolves when a replica whose primary is gone has replayed all that it can: what it has received may end in the middle of
 * a record. Gives its position.
 */
async function replayAll(node: PostgresNode): Promise<bigint> {
  let position = -1n;
  let sinceMs = performance.now();
  for (;;) {
    const [row] = await node.query<{ isDone: boolean; position: string }>(
      `SELECT pg_last_wal_replay_lsn() >= coalesce(pg_last_wal_receive_lsn(), '0/0') AS "isDone",
              (pg_last_wal_replay_lsn() - '0/0')::text AS position`,
    );
    const now = BigInt(row?.position ?? 0);
    if (row?.isDone === true || (now === position && performance.now() - sinceMs > 100)) return now;
    if (now !== position) sinceMs = performance.now();
    position = now;
  }
}
