import type pg from 'pg';
import type { ContextStorage } from '../context/context-storage.js';
import type { PositionSource } from '../context/request-context.js';
import { DEFAULTS } from '../options/defaults.js';
import type { ResolvedNode } from '../options/resolve-nodes.js';
import type { ResolvedOptions } from '../options/resolve-options.js';
import { NodeUnavailableError } from '../postgres/node-unavailable.error.js';
import { PostgresProbe } from '../postgres/postgres-probe.js';
import { StatementRouter } from '../postgres/statement-router.js';
import { CatalogKeeper } from '../postgres/catalog-keeper.js';
import { StatementClassifier } from '../postgres/statements/index.js';
import type { StatementEvent } from '../routing/statement-event.js';
import { TopologyMonitor } from '../topology/topology-monitor.js';
import { NodePools } from './node-pools.js';
import { probeConfig, type PoolSettings } from './pool-config.js';

/** What a {@link ReplicaRuntime} works with. */
export interface RuntimeOptions {
  readonly options: ResolvedOptions<never>;
  readonly poolSettings: PoolSettings;
  readonly contexts: ContextStorage;
  readonly isEnabled: () => boolean;
  readonly statementListener: () => ((event: StatementEvent) => void) | undefined;
  /** Something that an operator should know, in one line. */
  readonly warn: (message: string) => void;
}

const nowMs = (): number => performance.now();

/** Everything behind an initialised data source: pools, monitor, router. Made by `initialize()`, ended by `destroy()`. */
export class ReplicaRuntime {
  readonly monitor: TopologyMonitor;
  readonly router: StatementRouter;
  /** How requests learn positions. */
  readonly positions: PositionSource;
  readonly #pools: NodePools;
  readonly #primary: ResolvedNode;
  readonly #hasReplicas: boolean;
  readonly #catalog: CatalogKeeper;

  constructor({ options, poolSettings, contexts, isEnabled, statementListener, warn }: RuntimeOptions) {
    const nodes = [options.primary, ...options.replicas];
    this.#primary = options.primary;
    this.#hasReplicas = options.replicas.length > 0;
    this.#pools = new NodePools({
      settings: poolSettings,
      drainTimeoutMs: DEFAULTS.drainTimeoutMs,
      nowMs,
    });
    for (const node of nodes) this.#pools.add(node);
    this.monitor = new TopologyMonitor(
      nodes.map((node) => ({
        name: node.name,
        role: node === options.primary ? 'primary' : 'replica',
        address: node.address,
        weight: node.weight,
        region: node.region,
        tags: node.tags,
        probe: new PostgresProbe(probeConfig(node, poolSettings)),
      })),
      { ...options.monitor, homesKeptMs: options.session.ttlMs },
      { nowMs, random: Math.random },
    );
    this.monitor.onHealthChange(({ node, before }) => {
      if (node.health === 'down') {
        warn(`${node.name} (${node.address}) is out of rotation: ${node.problem}`);
        if (node.role === 'replica')
          this.#pools.byName.get(node.name)?.reset(node.problem ?? 'the node is down');
      } else if (before === 'down') {
        warn(`${node.name} (${node.address}) is back in rotation`);
      }
    });
    this.monitor.onPromotion((name) => {
      warn(`${name} is the primary now`);
      for (const pool of this.#pools.byName.values()) {
        if (pool.name !== name) pool.reset(`${name} was promoted`);
      }
      this.#catalog.refreshSoon();
    });
    const classifier = new StatementClassifier();
    this.#catalog = new CatalogKeeper(classifier, (sql) => this.#queryPrimary(sql), warn);
    this.router = new StatementRouter({
      pools: this.#pools.byName,
      monitor: this.monitor,
      contexts,
      classifier,
      limits: options,
      // Forgotten after ttlMs, a note must still outlive the last read by what a replica may lag.
      renoteAfterMs: Math.max(
        0,
        Math.min(
          options.session.ttlMs / 2,
          options.session.ttlMs - options.maxLagMs - options.monitor.intervalMs,
        ),
      ),
      isEnabled: () => this.#hasReplicas && isEnabled(),
      listener: statementListener,
      onCatalogStale: () => this.#catalog.refreshSoon(),
      nowMs,
      random: Math.random,
    });
    const { monitor } = this;
    const hasReplicas = this.#hasReplicas;
    this.positions = {
      sticky: options.sticky,
      capture: () =>
        hasReplicas ? monitor.capturePosition(monitor.topology.primary.name) : Promise.resolve(0n),
      expect: (position) => monitor.expect(position),
    };
  }

  /** Whether there is anything to route to: without replicas nothing is probed, captured or saved. */
  get hasReplicas(): boolean {
    return this.#hasReplicas;
  }

  /** Connects to the primary, and begins to watch the replicas without waiting for them. */
  async start(): Promise<void> {
    const pool = this.#pools.get(this.#primary.name);
    let client: pg.PoolClient;
    try {
      client = await pool.checkout();
    } catch (error) {
      if (error instanceof NodeUnavailableError) throw error;
      throw new NodeUnavailableError(this.#primary.name, this.#primary.address, error);
    }
    pool.release(client);
    if (this.#hasReplicas) this.monitor.start();
  }

  /** The schema is there: learns what functions and tables it has. Until then nothing is known to be a harmless read. */
  async learnSchema(): Promise<void> {
    if (this.#hasReplicas) await this.#catalog.start();
  }

  /** Ends the loops and all connections. */
  async stop(): Promise<void> {
    this.#catalog.stop();
    await this.monitor.stop();
    await this.#pools.end();
  }

  async #queryPrimary(sql: string): Promise<readonly Record<string, unknown>[]> {
    const result = await this.#pools.get(this.monitor.topology.primary.name).run([sql]);
    return result.rows as Record<string, unknown>[];
  }
}
