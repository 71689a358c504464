import type { ContextStorage } from '../context/context-storage.js';
import { kindOfFailure } from '../errors/safe-message.error.js';
import type { Classifier, Database, NodeOpener, Outside } from '../execution/database.js';
import { PiggybackedPositions } from '../execution/piggybacked-position.js';
import { findStandIn } from '../execution/primary/find-stand-in.js';
import { PrimaryKeeper } from '../execution/primary/primary-keeper.js';
import { StatementRouter } from '../execution/statement-router.js';
import { CatalogKeeper, type CatalogStatus } from '../execution/statements/catalog-keeper.js';
import type { NodeOptions } from '../options/replica-options.js';
import type { ResolvedNode } from '../options/resolve-nodes.js';
import type { ResolvedOptions } from '../options/resolve-options.js';
import type { Position } from '../session/position.js';
import type { DiscoveryLoop } from '../topology/discovery/discovery-loop.js';
import { inTime } from '../topology/in-time.js';
import type { Listeners } from '../topology/listeners.js';
import type { NodeSnapshot } from '../topology/topology.js';
import { TopologyMonitor } from '../topology/topology-monitor.js';
import { EndpointNodes } from './endpoint-nodes.js';
import { logTopology } from './log-topology.js';
import { logMissingLanes, NodePools } from './node-pools.js';
import { NodeProbes, watchedNode } from './node-probes.js';
import type { OperatorLog } from './operator-log.js';
import { discoverInto, ReplicaSet } from './replica-set.js';
import type { RecentEvents } from '../observability/recent-events.js';
import type { QueryPatterns } from '../observability/query-patterns.js';
import type { Tracing } from '../observability/tracing.js';
import type { RouteCounts } from '../observability/route-counts.js';
import type { PoolStats } from '../observability/router-stats.js';
import type { RouterCounter } from '../observability/router-counters.js';
import { forwardTopologyEvents, type RouterEvents } from '../observability/router-events.js';
import type { RoutingState } from './routing-state.js';
import { sessionMemory } from './session-memory.js';

interface ClusterParts {
  readonly options: ResolvedOptions<never>;
  readonly database: Database;
  readonly contexts: ContextStorage;
  readonly state: RoutingState;
  readonly events: Listeners<RouterEvents>;
  readonly tracing: Tracing;
  readonly counts: RouteCounts;
  readonly patterns: QueryPatterns | undefined;
  readonly recent: RecentEvents;
  readonly counters: Record<RouterCounter, number>;
  readonly log: OperatorLog;
}

/** How long the start waits for the first answer of a discovery, and for the first servers behind endpoints. Then it goes on without; milliseconds. */
const FIRST_DISCOVERY_MS = 1_000;

const nowMs = (): number => performance.now();

/**
 * The nodes of a started engine: the monitor that watches them, their pools, and the router that runs statements on
 * them. The constructor makes each part from the parts before it. After {@link stop} a cluster cannot be started
 * again.
 */
export class Cluster {
  readonly monitor: TopologyMonitor;
  /** Decides where statements go, and runs them. */
  readonly router: StatementRouter;
  readonly replicaSet: ReplicaSet;
  readonly #parts: ClusterParts;
  readonly #pools: NodePools;
  readonly #primaryKeeper: PrimaryKeeper;
  readonly #positions: PiggybackedPositions;
  readonly #classifier: Classifier;
  readonly #catalog: CatalogKeeper;
  readonly #discovery: DiscoveryLoop<NodeOptions> | undefined;
  /** The replica that stands in for the primary while the engine starts without it. */
  #standIn: string | undefined;

  constructor(parts: ClusterParts) {
    const { options, database, contexts, state, events, tracing, log } = parts;
    this.#parts = parts;
    const endpoints = new EndpointNodes({
      ...parts,
      primary: () => this.monitor.identityOf(this.monitor.topology.primary.name),
      nowMs,
    });
    const openerOf = (node: ResolvedNode): NodeOpener => endpoints.openerOf(node);
    const probes = new NodeProbes((node) => openerOf(node).createProbe(node, options.monitor.probe));
    const monitor = createMonitor(parts, probes);
    const outside: Outside = (fn) => contexts.exit(() => tracing.quietly(fn));
    const pools = new NodePools({ options, database, openerOf, monitor, state, outside, tracing });
    for (const node of [options.primary, ...options.replicas]) pools.add(node);
    if (options.lanes) logMissingLanes(pools.get(options.primary.name).access, log);
    this.monitor = monitor;
    this.#pools = pools;
    this.#primaryKeeper = new PrimaryKeeper({
      monitor,
      pools: pools.byName,
      waitMs: options.primaryWaitMs,
      nowMs,
      warn: (message) => log.warn(message),
    });
    probes.overheardBy((node, probe) => this.#primaryKeeper.overhear(node, probe));
    this.#classifier = database.createClassifier();
    this.#positions = new PiggybackedPositions({
      database,
      accept: (node, told) => monitor.acceptPosition(node, told),
      shareAnswer: (node) => monitor.shareAnswer(node),
      nowMs,
    });
    this.#catalog = new CatalogKeeper({
      classifier: this.#classifier,
      query: (sql) => this.#queryAnyNode(sql),
      warn: (message) => log.warn(message),
      outside,
      nowMs,
    });
    this.#watchPrimary();
    logTopology(monitor, log);
    forwardTopologyEvents(monitor, database, (event, ...args) =>
      contexts.exit(() => tracing.apart(() => events.emit(event, ...args))),
    );
    this.router = this.#createRouter();
    this.replicaSet = new ReplicaSet({
      database,
      options,
      pools,
      monitor,
      probes,
      endpoints,
      state,
      beforeFirst: () => this.#beforeFirstReplicas(),
    });
    this.#discovery =
      options.discovery === undefined ? undefined : discoverInto(options.discovery, this.replicaSet, parts);
  }

  /**
   * Connects to the primary. Begins to watch the replicas, but does not wait for them. If the primary is down and the
   * options allow it, a replica stands in for the primary until {@link learnSchema}.
   *
   * @param schemaChanges options of TypeORM that change the schema at the start, which only the primary can do
   */
  async start(schemaChanges: readonly string[]): Promise<void> {
    const { options, database, state, log } = this.#parts;
    if (this.#discovery !== undefined)
      await inTime(this.#discovery.start(), FIRST_DISCOVERY_MS, () => undefined);
    if (options.endpoints.length > 0)
      await inTime(
        this.replicaSet.put([...options.replicas, ...options.endpoints]),
        FIRST_DISCOVERY_MS,
        () => undefined,
      );
    const { name, address } = options.primary;
    this.#standIn = await findStandIn({
      errors: database.errors,
      primary: this.#pools.get(name),
      replicas: [...this.#pools.byName.values()].filter((pool) => pool.name !== name),
      mayStartWithoutPrimary: options.startWithoutPrimary,
      schemaChanges,
      foundSystem: (system) => {
        if (state.hasReplicas) this.monitor.presumeSystem(system);
      },
    });
    if (this.#standIn !== undefined)
      log.warn(
        `${name} (${address}) is down: starts without it; what needs the primary fails until there is one`,
      );
    if (state.hasReplicas) this.monitor.start();
    else log.log(`there are no replicas: everything goes to ${name} (${address})`);
  }

  /** Learns which functions and tables there are, once the schema is in place. Until then no statement is a harmless read. */
  async learnSchema(): Promise<void> {
    if (this.#parts.state.hasReplicas) await this.#learnDatabase();
    this.#standIn = undefined;
  }

  async stop(): Promise<void> {
    this.#discovery?.stop();
    this.#catalog.stop();
    this.#primaryKeeper.end();
    await this.replicaSet.stop();
    await this.monitor.stop();
    await this.#pools.end();
  }

  knowsRelation(name: string): boolean {
    return this.#classifier.knowsRelation(name);
  }

  get catalogStatus(): CatalogStatus {
    return this.#catalog.status;
  }

  /** A position of the primary that covers all that it has acknowledged so far. Rejects if it cannot be learned. */
  capturePosition(): Promise<Position> {
    const { monitor } = this;
    if (!this.#parts.state.hasReplicas) return Promise.resolve(0n);
    return monitor.capturePositionSoon(monitor.topology.primary.name);
  }

  /** Somebody waits for what {@link capturePosition} gives. */
  hurryPosition(): void {
    this.monitor.hurryPosition(this.monitor.topology.primary.name);
  }

  /** The connections to each node. */
  get poolStats(): readonly PoolStats[] {
    const { primary } = this.monitor.topology;
    return Array.from(this.#pools.byName.values(), ({ name, stats }) => ({
      node: name,
      role: name === primary.name ? 'primary' : 'replica',
      ...stats,
    }));
  }

  #createRouter(): StatementRouter {
    const { options, database, contexts, state, events, tracing, counts, patterns, recent } = this.#parts;
    const { renoteAfterMs, rememberedMs } = sessionMemory(options);
    const tellStatement = (event: RouterEvents['statement'][0]): void => events.emit('statement', event);
    return new StatementRouter({
      database,
      pools: this.#pools.byName,
      monitor: this.monitor,
      contexts,
      positions: this.#positions,
      tracing,
      classifier: this.#classifier,
      limits: { ...options, rememberedMs },
      tableRule: (statement) => state.tableRules.ruleFor(statement),
      routeOverride: options.route,
      retries: options.retries,
      gate: this.#primaryKeeper.gate,
      hasReplicas: () => state.hasReplicas,
      standIn: () => this.#standIn,
      renoteAfterMs,
      get shown() {
        return state.shown;
      },
      isEnabled: () => state.hasReplicas && state.isEnabled,
      listener: () => (events.has('statement') ? tellStatement : undefined),
      name: options.name,
      counts,
      patterns,
      recent,
      onRefused: (event) => events.emit('statement:refused', event),
      usesDurability: () => state.usesDurability,
      changes: () => state.changes,
      onDowngraded: (event) => events.emit('durability:downgraded', event),
      catalog: this.#catalog,
      nowMs,
      random: Math.random,
    });
  }

  /** The first replicas were added. From now on positions are captured and the database's functions are known. */
  async #beforeFirstReplicas(): Promise<Position> {
    // Nobody has asked yet which server the primary's connections lead to.
    this.#pools.get(this.#parts.options.primary.name).renew();
    this.monitor.start();
    const [position] = await Promise.all([
      this.monitor.capturePosition(this.monitor.topology.primary.name),
      this.#learnDatabase(),
    ]);
    return position;
  }

  /** Asks for both one after the other, on one connection. */
  async #learnDatabase(): Promise<void> {
    const { sticky, lanes, monitor } = this.#parts.options;
    await this.#catalog.start();
    // Without lanes there may be a pooler that takes one statement at a time, so none is sent behind a write. And a probe
    // of the user's own may mean something else by a position.
    const isPossible = lanes || this.#parts.database.piggyback?.isExtraStatement === false;
    const mayPiggyback = sticky.mode === 'position' && isPossible && monitor.probe === undefined;
    if (mayPiggyback) await this.#positions.start((sql) => this.#queryAnyNode(sql));
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

  /** Asks a node about the database. Any node can tell; the primary knows first. */
  async #queryAnyNode(sql: string): Promise<readonly Record<string, unknown>[]> {
    const { primary, replicas } = this.monitor.topology;
    const other = primary.health === 'down' ? replicas.find(({ health }) => health === 'up') : undefined;
    const answer = await this.#pools.get(this.#standIn ?? other?.name ?? primary.name).run([sql]);
    return this.#parts.database.rowsOf(answer);
  }
}

/** Makes a monitor of the nodes of the options. It does not watch them yet. */
function createMonitor(
  { options, database, contexts, tracing, log }: ClusterParts,
  probes: NodeProbes,
): TopologyMonitor {
  const { primary, replicas, monitor, maxLagMs, warnLagMs, session } = options;
  const watched = replicas.map((node) => watchedNode(node, 'replica', probes.of(node)));
  return new TopologyMonitor(
    [watchedNode(primary, 'primary', probes.of(primary)), ...watched],
    { ...monitor, maxLagMs, warnLagMs, homesKeptMs: session.ttlMs, terms: database.terms },
    {
      outside: (fn) => contexts.exit(() => tracing.quietly(fn)),
      nowMs,
      random: Math.random,
      onListenerFailure: (event, error) => log.warnSeldom(event, `${event}: ${kindOfFailure(error)}`),
    },
  );
}
