import {
  startTcpProxy,
  type ClusterOptions,
  type DatabaseCluster,
  type DatabaseNode,
  type TcpProxy,
} from 'nestjs-replica/testing';
import { forDatabase, STARTS } from '../../support/cluster/test-database.js';
import type { AppUnderFault } from './app-under-fault.js';
import { ROWS_PER_WRITER } from './checked-load.js';
import { MARIADB_SERVERS } from './mariadb-servers.js';
import { POSTGRES_SERVERS } from './postgres-servers.js';
import type { VersionsAppOptions } from './versions-app.js';

const SERVERS = forDatabase({ postgres: POSTGRES_SERVERS, mariadb: MARIADB_SERVERS });

/** Servers that run when a stage is set. */
export const STAGE_NODES = ['primary', 'replica-1', 'replica-2'] as const;

/** A cluster, a proxy before each of its nodes, and who has which part at present. */
export class FaultStage {
  readonly cluster: DatabaseCluster;
  readonly servers = SERVERS;
  readonly #proxies: ReadonlyMap<string, TcpProxy>;
  #primary: DatabaseNode;
  #former: DatabaseNode | undefined;

  private constructor(cluster: DatabaseCluster, proxies: ReadonlyMap<string, TcpProxy>) {
    this.cluster = cluster;
    this.#proxies = proxies;
    this.#primary = cluster.primary;
  }

  /** @param writers how many writers need rows */
  static async set(settings: ClusterOptions['settings'], writers: number): Promise<FaultStage> {
    const cluster = await forDatabase(STARTS)({ replicas: 2, settings });
    const proxies = await Promise.all(
      cluster.nodes.map(async (node) => [node.name, await startTcpProxy(node)] as const),
    );
    const { primary } = cluster;
    await primary.query(SERVERS.createSql);
    await primary.query(SERVERS.fillSql, [writers * ROWS_PER_WRITER]);
    await cluster.waitForCatchUp();
    return new FaultStage(cluster, new Map(proxies));
  }

  /** Who takes writes. */
  get primary(): DatabaseNode {
    return this.#primary;
  }

  /** Who took writes before the last failover. */
  get former(): DatabaseNode {
    if (this.#former === undefined) throw new Error('there was no failover');
    return this.#former;
  }

  get replicas(): readonly DatabaseNode[] {
    return this.cluster.nodes.filter((node) => node !== this.#primary);
  }

  /** The replica to which things are done. */
  get victim(): DatabaseNode {
    return this.replicas[0] as DatabaseNode;
  }

  proxy(node: DatabaseNode): TcpProxy {
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
    const address = (node: DatabaseNode): { name: string; url: string } => ({
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
      this.replicas.map(async (node) => [await SERVERS.replayAll(node), node] as const),
    );
    const [, best] = received.reduce((a, b) => (b[0] > a[0] ? b : a));
    const rows = await best.query<{ id: number; version: number }>('SELECT id, version FROM counter');
    const lostWrites = await app.historyEnded(rows.map(({ id, version }) => [id, version] as const));
    await best.promote();
    this.#former = this.#primary;
    this.#primary = best;
    return { lostWrites };
  }

  /** A replica that has replayed everything takes the place of a primary that refuses writes, and is followed by it. */
  async switchOver(): Promise<void> {
    const { primary, victim } = this;
    await this.cluster.waitForCatchUp();
    await victim.promote();
    this.#former = primary;
    this.#primary = victim;
    await primary.follow(victim);
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
      .map(async (node) => [node.name, await SERVERS.countConnections(node, applications)] as const);
    return Object.fromEntries(await Promise.all(counts));
  }

  async clear(): Promise<void> {
    await Promise.all([...this.#proxies.values()].map((proxy) => proxy.close()));
    await this.cluster.stop();
  }
}
