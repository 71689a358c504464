import { ContextStorage, type Scope } from '../context/context-storage.js';
import type { PositionSource } from '../context/position-source.js';
import { RequestContext } from '../context/request-context.js';
import { TokenSession } from '../context/token-session.js';
import { kindOfFailure } from '../errors/safe-message.error.js';
import type { Database } from '../execution/database.js';
import { DEFAULTS } from '../options/option-table.js';
import { digestOf } from '../execution/statements/text-digest.js';
import type { ResolvedOptions } from '../options/resolve-options.js';
import type { Intent } from '../routing/route-query.js';
import { SessionClock } from '../session/session-clock.js';
import type { SessionTable } from '../session/session-table.js';
import { TokenCodec } from '../session/token-codec.js';
import type { Listeners } from '../topology/listeners.js';
import type { TopologyMonitor } from '../topology/topology-monitor.js';
import { checkReplicaNames } from './check-selection.js';
import { Cluster } from './cluster.js';
import { OperatorLog } from './operator-log.js';
import { KeyedSessions, type KeyedSessionsOptions } from './keyed-sessions.js';
import { checkReadOptions, type ReadOptions } from './read-options.js';
import { RecentEvents } from '../observability/recent-events.js';
import type { RouterStats } from '../observability/router-stats.js';
import { QueryPatterns } from '../observability/query-patterns.js';
import { Tracing } from '../observability/tracing.js';
import { fallbacksOf, RouteCounts } from '../observability/route-counts.js';
import { RouterListeners } from './router-listeners.js';
import { noCounts } from '../observability/router-counters.js';
import type { RouterEvents } from '../observability/router-events.js';
import { RoutingState } from './routing-state.js';
import { TableRules } from './table-rules.js';

/**
 * Everything behind a data source. It exists as long as the data source: requests may begin and listeners may be
 * added before it is started. What exists only between {@link start} and {@link stop} is its {@link Cluster}.
 */
export class Engine {
  /** The requests of this data source. */
  readonly contexts = new ContextStorage();
  readonly events: Listeners<RouterEvents>;
  readonly tracing = new Tracing();
  /** Where statements went, since the start. */
  readonly counts = new RouteCounts();
  readonly recent = new RecentEvents();
  /** What statements there were; `undefined`: the options say not to count them. */
  readonly patterns: QueryPatterns | undefined;
  /** When counting began; milliseconds since the epoch. */
  readonly sinceMs = Date.now();
  /** What went wrong and did no harm, counted since the start. */
  readonly counters = noCounts();
  readonly log: OperatorLog;
  readonly tokens: TokenCodec;
  readonly clock: SessionClock;
  readonly state: RoutingState;
  readonly database: Database;
  readonly #options: ResolvedOptions<never>;
  readonly #positions: PositionSource;
  /** Names of all nodes so far. Asking for a node that has left must not be an error. */
  readonly #nodeNames: Set<string>;
  #cluster: Cluster | undefined;
  #keyedSessions: KeyedSessions | undefined;

  constructor(options: ResolvedOptions<never>, database: Database, log: OperatorLog) {
    const { primary, replicas, session, sticky } = options;
    this.#options = options;
    this.database = database;
    this.log = log;
    this.events = new RouterListeners(this.recent, (event, error) =>
      log.warnSeldom(`listener ${event}`, `a listener to '${event}' threw: ${kindOfFailure(error)}`),
    );
    if (options.patterns)
      this.patterns = new QueryPatterns({ patternOf: (text) => database.patternOf(text), digestOf });
    this.clock = new SessionClock({ keptMs: session.ttlMs });
    this.tokens = new TokenCodec(session.secrets, options.name);
    this.state = new RoutingState(options, database);
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
   * Connects to the primary. Begins to watch the replicas, but does not wait for them. If it rejects, call {@link
   * stop}.
   *
   * @param schemaChanges options of TypeORM that change the schema at the start, which only the primary can do
   */
  async start(schemaChanges: readonly string[]): Promise<void> {
    const { contexts, state, events, tracing, counts, patterns, recent, counters, log, database } = this;
    const options = this.#options;
    state.tableRules = new TableRules(database, options.tables);
    const cluster = new Cluster({
      options,
      database,
      contexts,
      state,
      events,
      tracing,
      counts,
      patterns,
      recent,
      counters,
      log,
    });
    this.#cluster = cluster;
    for (const warning of options.warnings) log.warn(`option ${warning}`);
    // Whatever begins here belongs to no request, because it goes on for as long as the engine runs.
    await contexts.exit(() => cluster.start(schemaChanges));
  }

  /**
   * Learns which functions and tables the schema has. Call it when the schema is in place.
   *
   * @param primaryOnlyTables tables that are read from the primary only, in addition to those of the options
   */
  async learnSchema(primaryOnlyTables: readonly string[]): Promise<void> {
    const { cluster, state } = this;
    state.tableRules = new TableRules(this.database, this.#options.tables, primaryOnlyTables);
    await cluster.learnSchema();
    // A rule may exist before its table does, but a misspelt one must not go unnoticed.
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

  /** Everything that was counted. */
  get stats(): RouterStats {
    const routes = this.counts.routes();
    const cluster = this.#cluster;
    return {
      sinceMs: this.sinceMs,
      routes,
      pools: cluster?.poolStats ?? [],
      retries: this.counts.retries(),
      refused: this.counts.refused,
      fallbacks: fallbacksOf(routes),
      sessions: { stored: this.#keyedSessions?.stored ?? null, waiting: cluster?.router.finder.waiting ?? 0 },
      counters: { ...this.counters },
      patterns: this.patterns?.list() ?? [],
    };
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

  /** Whether there are replicas or may be some later. Otherwise nothing is probed, captured or saved. */
  get hasReplicas(): boolean {
    return this.state.hasReplicas;
  }

  /** What watches the nodes. `undefined` while the engine is not started, and if there are no replicas. */
  get monitor(): TopologyMonitor | undefined {
    return this.state.hasReplicas ? this.#cluster?.monitor : undefined;
  }

  /**
   * A new request. It sees what the request around the caller has written, even if that one has already ended. `own`: the
   * scope that the request is for, if the caller is already inside it.
   */
  createRequest(own?: Scope): RequestContext {
    const request = new RequestContext(this.#positions, performance.now());
    const surrounding = this.contexts.surrounding();
    if (surrounding !== undefined && surrounding !== own) request.includeWritesOf(surrounding.request);
    return request;
  }

  /** Like {@link createRequest}, but the new request also continues the session of the request around the caller. */
  continueRequest(): RequestContext {
    const request = this.createRequest();
    const session = this.contexts.surrounding()?.request.session;
    if (session !== undefined) request.attach(session);
    return request;
  }

  /**
   * The sessions that are found by a key, the same for whoever opens requests in this process. The first caller may say what stands before
   * keys and where failures of the store are logged.
   */
  keyedSessions(given?: Pick<KeyedSessionsOptions, 'prefix' | 'log'>): KeyedSessions {
    const { name, session } = this.#options;
    const { prefix = keyPrefixOf(name), log = this.log } = { ...given };
    return (this.#keyedSessions ??= new KeyedSessions({ session, prefix, log, counters: this.counters }));
  }

  /** The session behind a token, or a new one if the token is not one of ours. `memory`: what such sessions saved here. */
  sessionOf(token: string | null | undefined, memory: SessionTable): TokenSession {
    return new TokenSession({
      codec: this.tokens,
      clock: this.clock,
      ttlMs: this.#options.session.ttlMs,
      token: token ?? undefined,
      memory,
      onForeignToken: () => void this.counters.foreignTokens++,
    });
  }

  /** A scope with this intent: in the request around the caller, or in a new one. */
  scopeFor(intent: Intent): Scope {
    const outer = this.contexts.current();
    const request = outer?.request ?? this.continueRequest();
    return { request, intent, inside: outer?.inside, durability: outer?.durability };
  }

  get nodeNames(): readonly string[] {
    return [...this.#nodeNames];
  }

  /** Throws an `InvalidReplicaOptionsError` that lists all mistakes in the options of a read. `where` names the place. */
  checkRead(options: ReadOptions, where: string): void {
    checkReadOptions(options, where);
    this.checkNames(options, where);
  }

  /** For the names of replicas only. If nodes are found while everything runs, an unknown name is no mistake. */
  checkNames({ replica }: ReadOptions, where: string): void {
    const { discovery, endpoints } = this.#options;
    if (replica !== undefined && discovery === undefined && endpoints.length === 0)
      checkReplicaNames({ replica }, this.nodeNames, where);
  }
}

/** What stands before the session keys of a data source of this name. */
export function keyPrefixOf(name: string): string {
  return name === DEFAULTS.routing.name ? '' : `${name}:`;
}
