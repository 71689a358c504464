import type { ContextStorage } from '../context/context-storage.js';
import type { PositionSource } from '../context/position-source.js';
import type { ShownSessions } from '../context/shown-sessions.js';
import type { NodeOptions } from '../options/replica-options.js';
import type { ResolvedNode } from '../options/resolve-nodes.js';
import type { ResolvedOptions } from '../options/resolve-options.js';
import type { Outside } from '../postgres/create-pool.js';
import { findStandIn } from '../postgres/find-stand-in.js';
import { PositionAlong } from '../postgres/position-along.js';
import { PostgresProbe } from '../postgres/postgres-probe.js';
import { PrimaryKeeper } from '../postgres/primary-keeper.js';
import { StatementRouter } from '../postgres/statement-router.js';
import { CatalogKeeper, type CatalogStatus } from '../postgres/catalog-keeper.js';
import { StatementClassifier, type Statement } from '../postgres/statements/index.js';
import type { StatementEvent } from '../routing/statement-event.js';
import type { Position } from '../session/position.js';
import type { DiscoveryLoop } from '../topology/discovery/discovery-loop.js';
import type { NodeProbe } from '../topology/node-probe.js';
import type { ProbeFunction } from '../topology/probe-function.js';
import type { NodeSnapshot } from '../topology/topology.js';
import type { TopologyMonitor } from '../topology/topology-monitor.js';
import { createMonitor } from './create-monitor.js';
import { logTopology } from './log-topology.js';
import { laneSettings, logMissingLanes } from './lane-settings.js';
import { NodePools } from './node-pools.js';
import type { OperatorLog } from './operator-log.js';
import { probeConfig, type PoolSettings } from '../postgres/pool-config.js';
import { discoverInto, startDiscovery } from './replica-discovery.js';
import { ReplicaSet } from './replica-set.js';
import { cutWhatIsGone, doubtBrokenIdle, keepOnlyKnownServers, serverCheck } from './pools-by-monitor.js';
import { sessionMemory } from './session-memory.js';
import { forwardTopologyEvents, type EmitRouterEvent } from './router-events.js';

/** What a {@link ReplicaRuntime} works with. */
export interface RuntimeOptions {
  readonly options: ResolvedOptions<never>;
  readonly poolSettings: PoolSettings;
  readonly contexts: ContextStorage;
  readonly isEnabled: () => boolean;
  /** Whether there are replicas, or may be some later; once it is `true` it stays so. */
  readonly hasReplicas: () => boolean;
  /** A discovery failed. */
  readonly onDiscoveryFailure: () => void;
  /** What clients were shown, where there is a result cache. */
  readonly shown: () => ShownSessions | undefined;
  readonly statementListener: () => ((event: StatementEvent) => void) | undefined;
  /** Where a rule sends the statement's tables. */
  readonly tableRule: (statement: Statement) => string | undefined;
  /** Tells whoever listens to the router. */
  readonly emit: EmitRouterEvent;
  readonly log: OperatorLog;
}

const nowMs = (): number => performance.now();

/** Everything behind an initialised data source: pools, monitor, router. Made by `initialize()`, ended by `destroy()`. */
export class ReplicaRuntime {
  readonly monitor: TopologyMonitor;
  readonly router: StatementRouter;
  /** How requests learn positions. */
  readonly positions: Pick<PositionSource, 'capture' | 'hurry'>;
  /** Which replicas there are. */
  readonly replicaSet: ReplicaSet;
  readonly #pools: NodePools;
  readonly #primary: ResolvedNode;
  readonly #hasReplicas: () => boolean;
  readonly #discovery: DiscoveryLoop<NodeOptions> | undefined;
  readonly #catalog: CatalogKeeper;
  readonly #along: PositionAlong;
  /** Whether positions are wanted, and may be asked for on connections that a pooler may share. */
  readonly #mayAskAlong: boolean;
  readonly #classifier: StatementClassifier;
  readonly #mayStartWithoutPrimary: boolean;
  readonly #primaryKeeper: PrimaryKeeper;
  readonly #log: OperatorLog;
  /** While it starts without the primary: the replica that stands in for it. */
  #standIn: string | undefined;

  constructor(given: RuntimeOptions) {
    const { options, poolSettings, hasReplicas, emit, log } = given;
    const outside: Outside = (fn) => given.contexts.exit(fn);
    this.#primary = options.primary;
    this.#hasReplicas = hasReplicas;
    this.#log = log;
    this.#mayStartWithoutPrimary = options.startWithoutPrimary;
    // A probe of the user's own may mean something else by a position.
    this.#mayAskAlong =
      options.sticky.mode === 'position' && options.lanes && options.monitor.probe === undefined;
    const lanes = laneSettings(options);
    logMissingLanes(options, poolSettings, log);
    const { drainTimeoutMs } = options;
    const probedMs = (name: string): number | undefined => {
      const { primary, replicas } = this.monitor.topology;
      return (primary.name === name ? primary : replicas.find((node) => node.name === name))?.roundTripMs;
    };
    this.#pools = new NodePools({
      settings: doubtBrokenIdle(poolSettings, () => this.monitor),
      drainTimeoutMs,
      lanes,
      probedMs,
      check: (node) => serverCheck(node, { monitor: () => this.monitor, isWatched: hasReplicas }),
      outside,
      nowMs,
    });
    for (const node of [options.primary, ...options.replicas]) this.#pools.add(node);
    this.#primaryKeeper = this.#keepPrimary(options.primaryWaitMs);
    const probeOf = (node: ResolvedNode): NodeProbe =>
      this.#probeOf(node, poolSettings, options.monitor.probe);
    this.monitor = createMonitor({ options, probeOf, outside, nowMs, log });
    keepOnlyKnownServers(this.monitor, this.#pools);
    cutWhatIsGone(this.monitor, this.#pools);
    this.#watchPrimary();
    logTopology(this.monitor, log);
    forwardTopologyEvents(this.monitor, (event, ...args) => outside(() => emit(event, ...args)));
    const { monitor } = this;
    const gain = (): Promise<Position> => this.#gainReplicas();
    this.replicaSet = new ReplicaSet(
      { options, pools: this.#pools, monitor, probeOf, gain },
      { hasBegun: hasReplicas() },
    );
    this.#discovery = this.#discover(given);
    const classifier = new StatementClassifier();
    this.#classifier = classifier;
    this.#catalog = new CatalogKeeper({
      classifier,
      query: (sql) => this.#queryCatalog(sql),
      warn: (message) => log.warn(message),
      outside,
      nowMs,
    });
    this.#along = new PositionAlong({ accept: (node, told) => monitor.acceptPosition(node, told), nowMs });
    this.router = this.#createRouter(given, classifier);
    this.positions = {
      capture: () =>
        hasReplicas() ? monitor.capturePositionSoon(monitor.topology.primary.name) : Promise.resolve(0n),
      hurry: () => monitor.hurryPosition(monitor.topology.primary.name),
    };
  }

  /**
   * Connects to the primary, and begins to watch the replicas without waiting for them. Where the primary is down and the
   * options allow it, one replica stands in for it until {@link learnSchema}.
   *
   * @param schemaChanges options of TypeORM that change the schema at the start, which only the primary can do
   */
  async start(schemaChanges: readonly string[]): Promise<void> {
    if (this.#discovery !== undefined) await startDiscovery(this.#discovery);
    const { name, address } = this.#primary;
    this.#standIn = await findStandIn({
      primary: this.#pools.get(name),
      replicas: [...this.#pools.byName.values()].filter((pool) => pool.name !== name),
      mayDoWithout: this.#mayStartWithoutPrimary,
      schemaChanges,
      foundSystem: (system) => {
        if (this.#hasReplicas()) this.monitor.presumeSystem(system);
      },
    });
    if (this.#standIn !== undefined)
      this.#log.warn(
        `${name} (${address}) is down: starts without it; what needs the primary fails until there is one`,
      );
    if (this.#hasReplicas()) this.monitor.start();
    else this.#log.log(`there are no replicas: everything goes to ${name} (${address})`);
  }

  /** The schema is there: learns what functions and tables it has. Until then nothing is known to be a harmless read. */
  async learnSchema(): Promise<void> {
    if (this.#hasReplicas()) await this.#learnDatabase();
    this.#standIn = undefined;
  }

  /** Whether some schema has a table or view of that name, as far as the schema has been learned. */
  knowsRelation(name: string): boolean {
    return this.#classifier.knowsRelation(name);
  }

  /** What is known of the database's functions. */
  get catalogStatus(): CatalogStatus {
    return this.#catalog.status;
  }

  /** What watches the nodes; `undefined` where there are no replicas, and nobody does. */
  get watchedBy(): TopologyMonitor | undefined {
    return this.#hasReplicas() ? this.monitor : undefined;
  }

  /** Ends the loops and all connections. */
  async stop(): Promise<void> {
    this.#discovery?.stop();
    this.#catalog.stop();
    this.#primaryKeeper.end();
    await this.replicaSet.stop();
    await this.monitor.stop();
    await this.#pools.end();
  }

  #keepPrimary(waitMs: number): PrimaryKeeper {
    return new PrimaryKeeper({
      topology: () => this.monitor.topology,
      pool: (node) => this.#pools.byName.get(node),
      probeAgain: (node) => this.monitor.doubt(node),
      hurry: (timeoutMs) => void this.monitor.waitForPrimary(timeoutMs),
      waitMs,
      nowMs,
      warn: (message) => this.#log.warn(message),
    });
  }

  #discover({ options, onDiscoveryFailure, log }: RuntimeOptions): DiscoveryLoop<NodeOptions> | undefined {
    if (options.discovery === undefined) return undefined;
    const { replicaSet } = this;
    return discoverInto(options.discovery, {
      replicaSet,
      onFailure: onDiscoveryFailure,
      log,
      random: Math.random,
    });
  }

  #createRouter(given: RuntimeOptions, classifier: StatementClassifier): StatementRouter {
    const { options, hasReplicas, isEnabled } = given;
    const { renoteAfterMs, rememberedMs } = sessionMemory(options);
    return new StatementRouter({
      pools: this.#pools.byName,
      poolEvents: this.#pools.events,
      monitor: this.monitor,
      contexts: given.contexts,
      along: this.#along,
      classifier,
      limits: { ...options, rememberedMs },
      tableRule: given.tableRule,
      lastWord: options.route,
      retries: options.retries,
      gate: this.#primaryKeeper.gate,
      isWatched: hasReplicas,
      standIn: () => this.#standIn,
      renoteAfterMs,
      get shown() {
        return given.shown();
      },
      isEnabled: () => hasReplicas() && isEnabled(),
      listener: given.statementListener,
      onRefused: (event) => given.emit('statement:refused', event),
      catalog: this.#catalog,
      nowMs,
      random: Math.random,
    });
  }

  #probeOf(node: ResolvedNode, settings: PoolSettings, probe: ProbeFunction | undefined): NodeProbe {
    const subject = probe === undefined ? undefined : { name: node.name, address: node.address, probe };
    return this.#primaryKeeper.overhear(node.name, new PostgresProbe(probeConfig(node, settings), subject));
  }

  /** Replicas are added where there were none: from here on positions are captured, and functions known. */
  async #gainReplicas(): Promise<Position> {
    // Nobody has asked yet where the primary's connections lead to.
    this.#pools.get(this.#primary.name).renew();
    this.monitor.start();
    const [position] = await Promise.all([
      this.monitor.capturePosition(this.monitor.topology.primary.name),
      this.#learnDatabase(),
    ]);
    return position;
  }

  /** One after the other, on one connection. */
  async #learnDatabase(): Promise<void> {
    await this.#catalog.start();
    if (this.#mayAskAlong) await this.#along.start((sql) => this.#queryCatalog(sql));
  }

  #watchPrimary(): void {
    const changed = ({ node }: { node: NodeSnapshot }): void => {
      if (node.role === 'primary') this.#primaryKeeper.changed();
    };
    this.monitor.on('node:down', changed);
    this.monitor.on('node:up', (event) => {
      changed(event);
      // What is known of the database may come from a replica that lagged.
      if (event.node.role === 'primary') this.#catalog.refreshSoon();
    });
    this.monitor.on('primary:changed', () => {
      this.#primaryKeeper.changed();
      this.#catalog.refreshSoon();
    });
  }

  /** Any node can tell what is in the database; the primary knows first. */
  async #queryCatalog(sql: string): Promise<readonly Record<string, unknown>[]> {
    const { primary, replicas } = this.monitor.topology;
    const other = primary.health === 'down' ? replicas.find(({ health }) => health === 'up') : undefined;
    const result = await this.#pools.get(this.#standIn ?? other?.name ?? primary.name).run([sql]);
    return result.rows as Record<string, unknown>[];
  }
}
