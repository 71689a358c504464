import { ContextStorage, type Scope } from '../context/context-storage.js';
import type { PositionSource } from '../context/position-source.js';
import { RequestContext } from '../context/request-context.js';
import type { ShownSessions } from '../context/shown-sessions.js';
import { kindOfFailure } from '../errors/safe-message.error.js';
import type { ResolvedOptions } from '../options/resolve-options.js';
import type { Intent } from '../routing/route-query.js';
import { SessionClock } from '../session/session-clock.js';
import { TokenCodec } from '../session/token-codec.js';
import { Listeners } from '../topology/listeners.js';
import type { TopologyMonitor } from '../topology/topology-monitor.js';
import { checkReplicaNames } from './check-selection.js';
import { Cluster } from './cluster.js';
import { OperatorLog } from './operator-log.js';
import type { PoolSettings } from './postgres.js';
import { checkReadOptions, type ReadOptions } from './read-options.js';
import { noCounts } from './router-counters.js';
import type { RouterEvents } from './router-events.js';
import { RoutingState } from './routing-state.js';
import { TableRules } from './table-rules.js';

/**
 * Everything behind a data source. It is there from the data source's construction to the end: requests may begin, and listeners be
 * added, while it is not started. What exists only from {@link start} to {@link stop} is its {@link Cluster}.
 */
export class Engine {
  /** The requests of this data source. */
  readonly contexts = new ContextStorage();
  readonly events: Listeners<RouterEvents>;
  /** What went wrong and did no harm, counted since the start. */
  readonly counters = noCounts();
  /** Lines for operators. */
  readonly log: OperatorLog;
  /** Writes and reads this data source's tokens. */
  readonly tokens: TokenCodec;
  readonly clock: SessionClock;
  readonly state: RoutingState;
  readonly #options: ResolvedOptions<never>;
  readonly #poolSettings: PoolSettings;
  readonly #positions: PositionSource;
  /** Of all nodes that there ever were: who asks for one that has left must not get an error for that. */
  readonly #nodeNames: Set<string>;
  #cluster: Cluster | undefined;

  constructor(options: ResolvedOptions<never>, poolSettings: PoolSettings, log: OperatorLog) {
    const { primary, replicas, session, sticky } = options;
    this.#options = options;
    this.#poolSettings = poolSettings;
    this.log = log;
    this.events = new Listeners((event, error) =>
      log.warnSeldom(`listener ${event}`, `a listener to '${event}' threw: ${kindOfFailure(error)}`),
    );
    this.clock = new SessionClock({ keptMs: session.ttlMs });
    this.tokens = new TokenCodec(session.secrets, options.name);
    this.state = new RoutingState(options);
    this.#positions = {
      clock: this.clock,
      sticky,
      unknownForMs: sticky.mode === 'time' ? sticky.windowMs : session.ttlMs,
      capture: () => this.cluster.capturePosition(),
      hurry: () => this.#cluster?.hurryPosition(),
    };
    this.#nodeNames = new Set([primary, ...replicas].map(({ name }) => name));
    this.events.on('topology:changed', ({ added }) => added.forEach((name) => this.#nodeNames.add(name)));
  }

  /** The options as they were resolved. They hold credentials. */
  get options(): ResolvedOptions<never> {
    return this.#options;
  }

  /**
   * Connects to the primary, and begins to watch the replicas without waiting for them. When it rejects, call {@link stop}.
   *
   * @param schemaChanges options of TypeORM that change the schema at the start, which only the primary can do
   */
  async start(schemaChanges: readonly string[]): Promise<void> {
    const { contexts, state, events, counters, log } = this;
    const options = this.#options;
    state.tableRules = new TableRules(options.tables);
    const poolSettings = this.#poolSettings;
    const cluster = new Cluster({ options, poolSettings, contexts, state, events, counters, log });
    this.#cluster = cluster;
    for (const warning of options.warnings) log.warn(`option ${warning}`);
    // What begins here goes on for as long as the engine runs, and belongs to no request.
    await contexts.exit(() => cluster.start(schemaChanges));
  }

  /**
   * The schema is there: learns what functions and tables it has.
   *
   * @param primaryOnlyTables tables that are read from the primary alone, beside those of the options
   */
  async learnSchema(primaryOnlyTables: readonly string[]): Promise<void> {
    const { cluster, state } = this;
    state.tableRules = new TableRules(this.#options.tables, primaryOnlyTables);
    await cluster.learnSchema();
    // A rule may come before its table; one that was misspelt must not go unnoticed.
    const unknown = state.tableRules.unknownTables((name) => cluster.knowsRelation(name));
    if (unknown.length > 0)
      this.log.warn(`there are rules for tables that the database does not have: ${unknown.join(', ')}`);
  }

  /** Ends all loops and connections. It may be started again. */
  async stop(): Promise<void> {
    const cluster = this.#cluster;
    this.#cluster = undefined;
    await cluster?.stop();
  }

  get isStarted(): boolean {
    return this.#cluster !== undefined;
  }

  /** Throws an `Error` while it is not started. */
  get cluster(): Cluster {
    if (this.#cluster === undefined)
      throw new Error('The data source is not initialized: call initialize() first');
    return this.#cluster;
  }

  /** Whether there are replicas, or may be: without, nothing is probed, captured or saved. */
  get hasReplicas(): boolean {
    return this.state.hasReplicas;
  }

  /** What watches the nodes; `undefined` while it is not started, and where there are no replicas. */
  get watchedBy(): TopologyMonitor | undefined {
    return this.state.hasReplicas ? this.#cluster?.monitor : undefined;
  }

  /** There is a result cache: from now on it is noted what clients are shown. */
  noteShown(): ShownSessions {
    return this.state.noteShown();
  }

  /**
   * A new request of this data source, for whoever opens one. It sees what a request has written that surrounds the caller, or has
   * left it running.
   */
  createRequest(): RequestContext {
    const request = new RequestContext(this.#positions, performance.now());
    const surrounding = this.contexts.surrounding()?.request;
    if (surrounding !== undefined) request.includeWritesOf(surrounding);
    return request;
  }

  /** As {@link createRequest}, for work that belongs to the session of the request that has left it running. */
  continueRequest(): RequestContext {
    const request = this.createRequest();
    const session = this.contexts.surrounding()?.request.session;
    if (session !== undefined) request.attach(session);
    return request;
  }

  /** The request around the caller, or a new one, under another intent. */
  scopeFor(intent: Intent): Scope {
    const outer = this.contexts.current();
    return { request: outer?.request ?? this.continueRequest(), intent, inside: outer?.inside };
  }

  /** The names of the nodes, and of those that have left. */
  get nodeNames(): readonly string[] {
    return [...this.#nodeNames];
  }

  /** Throws an `InvalidReplicaOptionsError` with all mistakes in what a read asks; `where` names the place. */
  checkRead(options: ReadOptions, where: string): void {
    checkReadOptions(options, where);
    this.checkNames(options, where);
  }

  /** As {@link checkRead}, of the names of replicas alone. Where nodes are discovered, one that is not known may be found later. */
  checkNames({ replica }: ReadOptions, where: string): void {
    if (replica !== undefined && this.#options.discovery === undefined)
      checkReplicaNames({ replica }, this.nodeNames, where);
  }
}
