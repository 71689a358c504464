import type { DataSource, EntityManager } from 'typeorm';
import { ContextStorage, type Scope } from '../context/context-storage.js';
import { includeWrites } from '../context/include-writes.js';
import type { PositionSource } from '../context/position-source.js';
import { RequestContext } from '../context/request-context.js';
import type { NodeOptions } from '../options/replica-options.js';
import type { ResolvedOptions } from '../options/resolve-options.js';
import type { CatalogStatus } from '../postgres/catalog-keeper.js';
import type { Intent } from '../routing/route-query.js';
import type { StatementEvent } from '../routing/statement-event.js';
import { kindOfFailure } from '../errors/safe-message.error.js';
import { SessionClock } from '../session/session-clock.js';
import { TokenCodec } from '../session/token-codec.js';
import { Listeners } from '../topology/listeners.js';
import { bindSession } from '../engine/bind-session.js';
import { checkReplicaNames } from '../engine/check-selection.js';
import { topologyStatusOf, type TopologyStatus } from '../engine/node-status.js';
import { runReadOnly } from './read-only-transaction.js';
import { checkReadOptions, intentOf, type ReadOptions } from '../engine/read-options.js';
import type { OperatorLog } from '../engine/operator-log.js';
import { positionSourceOf } from '../engine/position-source-of.js';
import type { ReplicaRuntime } from '../engine/replica-runtime.js';
import { ReplicasAreDiscoveredError } from '../errors/replicas-are-discovered.error.js';
import { noCounts, type RouterCounter } from '../engine/router-counters.js';
import type { RouterEvents } from '../engine/router-events.js';
import { checkTokenOptions, type TokenOptions } from '../engine/token-options.js';
import { TokenSessions } from '../engine/token-sessions.js';

/** What the application tells and asks the routing of one data source. Get it by `@InjectDataSourceRouter(name?)`. */
export class DataSourceRouter {
  /** The requests of this data source. Used by the module's own middleware and interceptor. */
  readonly contexts = new ContextStorage();
  /** Writes and reads this data source's tokens. Used by the module's own parts. */
  readonly tokens: TokenCodec;
  readonly #tokenSessions: TokenSessions;
  readonly #counters = noCounts();
  /** Asked only when something was written: a request may begin before the data source is initialized. */
  readonly #positions: PositionSource;
  readonly #dataSource: DataSource;
  readonly #options: ResolvedOptions<never>;
  readonly #runtime: () => ReplicaRuntime;
  readonly #events: Listeners<RouterEvents>;
  /** Of all nodes that there ever were: who asks for one that has left must not get an error for that. */
  readonly #nodeNames: Set<string>;
  #isEnabled: boolean;
  #hasReplicas: boolean;

  constructor(
    dataSource: DataSource,
    options: ResolvedOptions<never>,
    { runtime, log }: { runtime: () => ReplicaRuntime; log: OperatorLog },
  ) {
    this.#dataSource = dataSource;
    this.#options = options;
    this.#runtime = runtime;
    this.#events = new Listeners((event, error) =>
      log.warnSeldom(`listener ${event}`, `a listener to '${event}' threw: ${kindOfFailure(error)}`),
    );
    const clock = new SessionClock({ keptMs: options.session.ttlMs });
    this.#positions = positionSourceOf({ clock, options, runtime, dataSource });
    this.#isEnabled = options.enabled;
    this.#hasReplicas = options.replicas.length > 0 || options.discovery !== undefined;
    this.#nodeNames = new Set([options.primary, ...options.replicas].map(({ name }) => name));
    this.on('topology:changed', ({ added }) => added.forEach((name) => this.#nodeNames.add(name)));
    this.tokens = new TokenCodec(options.session.secrets, options.name);
    this.#tokenSessions = new TokenSessions({
      clock,
      codec: this.tokens,
      options,
      hasReplicas: () => this.#hasReplicas,
      runtime,
      onForeignToken: () => this.count('foreignTokens'),
    });
  }

  /** Everything that `fn` does goes to the primary. */
  runOnPrimary<T>(fn: () => T): T {
    return this.#runWith(intentOf('primary', { consistency: 'strong' }, this.#options), fn);
  }

  /**
   * Reads of `fn` may go to replicas, also outside a request and under an unsafe HTTP method; what it writes goes to the
   * primary, and is seen by its later reads.
   */
  runOnReplica<T>(options: ReadOptions, fn: () => T): T {
    this.#checkRead(options, 'runOnReplica()');
    return this.#runWith(intentOf('replica', options, this.#options), fn);
  }

  /**
   * Calls `fn` with an entity manager inside a transaction `REPEATABLE READ READ ONLY` on one node: all its reads see
   * one and the same snapshot, on a replica where one may serve; where there are rules for tables, on the primary, for what
   * it will read is not known when it begins. A write in it fails with SQLSTATE 25006.
   */
  async readOnlyTransaction<T>(options: ReadOptions, fn: (manager: EntityManager) => Promise<T>): Promise<T> {
    this.#checkRead(options, 'readOnlyTransaction()');
    const intent = intentOf('replica', options, this.#options);
    const place = { dataSource: this.#dataSource, contexts: this.contexts, scope: this.#scope(intent) };
    return runReadOnly(place, fn);
  }

  /** What is known of the database's functions, and what keeps reads on the primary. */
  catalogStatus(): CatalogStatus {
    return this.#runtime().catalogStatus;
  }

  /** What is known of the nodes now. */
  topology(): TopologyStatus {
    return topologyStatusOf(this.#runtime().monitor.topology);
  }

  /**
   * From now on these are the replicas, as in the options. One without a name keeps the name that it has, else its host
   * and port are its name; one whose connection is as before goes on as it is. Resolves when they are in place: a new one
   * serves when it is warm and has caught up, and what runs on one that leaves may go on for `drainTimeoutMs`. Rejects
   * with an `InvalidReplicaOptionsError`, or a `ReplicasAreDiscoveredError` where the option `discovery` is given: then
   * nothing has changed.
   */
  async setReplicas(replicas: readonly NodeOptions[]): Promise<void> {
    const { replicaSet } = this.#runtime();
    if (this.#options.discovery !== undefined) throw new ReplicasAreDiscoveredError();
    const nodes = replicaSet.resolve(replicas);
    this.#hasReplicas ||= nodes.length > 0;
    await replicaSet.put(nodes);
  }

  /**
   * The replica gets no new reads. Resolves when nothing runs on it any more: it may be taken down. Rejects with a
   * `DrainInterruptedError` when it is resumed before.
   */
  async drain(replica: string): Promise<void> {
    await this.#runtime().replicaSet.drain(replica);
  }

  /** A replica that was drained gets reads again. Throws an `UnknownReplicaError` where there is none of that name. */
  resume(replica: string): void {
    this.#runtime().replicaSet.resume(replica);
  }

  /** Routing is on: reads may leave the primary. */
  get isEnabled(): boolean {
    return this.#isEnabled;
  }

  /** Lets reads leave the primary (again). Sessions keep what they wrote meanwhile. */
  enable(): void {
    this.#isEnabled = true;
  }

  /** From now on everything goes to the primary. */
  disable(): void {
    this.#isEnabled = false;
  }

  /**
   * Calls `listener` at each event; returns how to stop that. A listener that throws, or whose promise rejects, harms
   * nobody: that is logged.
   */
  on<E extends keyof RouterEvents>(event: E, listener: (...args: RouterEvents[E]) => unknown): () => void {
    return this.#events.on(event, listener);
  }

  /** Tells an event to whoever listens. Used by the module's own parts. */
  emit<E extends keyof RouterEvents>(event: E, ...args: RouterEvents[E]): void {
    this.#events.emit(event, ...args);
  }

  /**
   * A token for what the request (or job, or message) around the caller has written and seen: for `runWithToken()` in
   * another one, also in another process. Waits until its writes' position is known. Outside any request: a token that
   * covers everything committed by now.
   */
  async currentToken(): Promise<string> {
    const scope = this.contexts.current();
    return this.#tokenSessions.write(scope?.request ?? this.createRequest(), scope);
  }

  /**
   * Calls `fn` in a context of its own whose reads include all that the token covers. A token that is damaged, forged or
   * older than `session.ttlMs` counts as none: by then every replica that may serve contains what it covered.
   * Writes go to the primary as always; `currentToken()` inside covers them, too, and so does the request around the call.
   */
  async runWithToken<T>(
    token: string | undefined,
    fn: () => T | Promise<T>,
    options: TokenOptions = {},
  ): Promise<T> {
    checkTokenOptions(options, 'runWithToken()');
    this.#checkNames(options, 'runWithToken()');
    const outer = this.contexts.surrounding()?.request;
    const request = this.createRequest();
    const session = this.#tokenSessions.read(token);
    request.attach(session);
    try {
      if (this.#isEnabled) await this.#tokenSessions.catchUp(token, options);
      await this.#tokenSessions.settleDown(session);
      return await this.contexts.run({ request, intent: intentOf('replica', options, this.#options) }, fn);
    } finally {
      await request.settle();
      request.end();
      if (outer !== undefined) includeWrites(outer, request);
    }
  }

  /**
   * Waits until some replica shows all that the token covers: `true`, or `false` when that takes longer than `timeoutMs`
   * milliseconds, or only the primary can tell.
   */
  waitForToken(token: string, { timeoutMs }: { timeoutMs: number }): Promise<boolean> {
    return this.#tokenSessions.waitFor(token, timeoutMs);
  }

  /**
   * What the request around the caller has written and seen, and what it goes on to, also belongs to the session of this key: what
   * `session.key` gives for the requests that are to see it. For a request that comes as nobody, or as somebody else: a log-in, a
   * link in an e-mail, a webhook. Its own reads stay as they are. Throws a `SessionNotBoundError` outside a request, and where
   * sessions have no keys.
   */
  bindSession(key: string): void {
    const request = this.contexts.surrounding()?.request;
    bindSession(key, { request, options: this.#options, hasReplicas: this.#hasReplicas });
  }

  /** What went wrong and did no harm, counted since the start. */
  counters(): Readonly<Record<RouterCounter, number>> {
    return { ...this.#counters };
  }

  /** Something to be counted happened. Used by the module's own parts. */
  count(counter: RouterCounter): void {
    this.#counters[counter]++;
  }

  /** Whoever listens to statements; `undefined` while nobody does. */
  get statementListener(): ((event: StatementEvent) => void) | undefined {
    return this.#events.has('statement') ? this.#emitStatement : undefined;
  }

  /**
   * A new request of this data source, for whoever opens one. It sees what a request has written that surrounds the
   * caller, or has left it running.
   */
  createRequest(): RequestContext {
    const request = new RequestContext(this.#positions, performance.now());
    const surrounding = this.contexts.surrounding()?.request;
    if (surrounding !== undefined) includeWrites(request, surrounding);
    return request;
  }

  /** As {@link createRequest}, for work that belongs to the session of the request that has left it running. */
  continueRequest(): RequestContext {
    const request = this.createRequest();
    const session = this.contexts.surrounding()?.request.session;
    if (session !== undefined) request.attach(session);
    return request;
  }

  /** Whether there are replicas, or may be: without, nothing is probed, captured or saved. */
  get hasReplicas(): boolean {
    return this.#hasReplicas;
  }

  /** The names of the nodes, and of those that have left. */
  get nodeNames(): readonly string[] {
    return [...this.#nodeNames];
  }

  /** The options as they were resolved. */
  get options(): ResolvedOptions<never> {
    return this.#options;
  }

  readonly #emitStatement = (event: StatementEvent): void => this.#events.emit('statement', event);

  #checkRead(options: ReadOptions, where: string): void {
    checkReadOptions(options, where);
    this.#checkNames(options, where);
  }

  /** Where nodes are discovered, one that is not known may be found later. */
  #checkNames(options: ReadOptions, where: string): void {
    if (options.replica !== undefined && this.#options.discovery === undefined)
      checkReplicaNames(options, this.nodeNames, where);
  }

  #runWith<T>(intent: Intent, fn: () => T): T {
    return this.contexts.run(this.#scope(intent), fn);
  }

  /** The request around the caller, or a new one, under another intent. */
  #scope(intent: Intent): Scope {
    const outer = this.contexts.current();
    return { request: outer?.request ?? this.continueRequest(), intent, inside: outer?.inside };
  }
}
