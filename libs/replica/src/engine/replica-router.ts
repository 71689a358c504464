import { DurabilityUnavailableError } from '../errors/durability-unavailable.error.js';
import { ReplicasAreDiscoveredError } from '../errors/replicas-are-discovered.error.js';
import type { CatalogStatus } from '../execution/statements/catalog-keeper.js';
import { topologyStatusOf, type TopologyStatus } from '../observability/node-status.js';
import { RecentCounts } from '../observability/recent-counts.js';
import type { RecordedEvent } from '../observability/recent-events.js';
import type { RouterCounter } from '../observability/router-counters.js';
import type { RouterEvents } from '../observability/router-events.js';
import type { RouterStats } from '../observability/router-stats.js';
import { OptionProblems } from '../options/option-problems.js';
import type { NodeOptions } from '../options/replica-options.js';
import { DURABILITIES, type Durability } from '../routing/durability.js';
import { bindSession } from './bind-session.js';
import type { Engine } from './engine.js';
import { JobTokens } from './job-tokens.js';
import { explain, type Explanation } from './explain.js';
import { intentOf, type ExplainOptions, type ReadOptions, type TokenOptions } from './read-options.js';
import { Visibility } from './visibility.js';
import type { VisibilityOptions } from './visibility-options.js';
import { RequestRunner, type RequestOptions } from './run-request.js';

let engineBehind: (router: ReplicaRouter) => Engine;

/** Controls and observes the routing of one data source or pool. */
export class ReplicaRouter {
  readonly #engine: Engine;
  readonly #tokens: JobTokens;
  readonly #visibility: Visibility;
  readonly #requests: RequestRunner;

  static {
    engineBehind = (router) => router.#engine;
  }

  /** @internal Data sources and pools make one. */
  constructor(engine: Engine) {
    this.#engine = engine;
    this.#tokens = new JobTokens(engine);
    this.#visibility = new Visibility(engine);
    this.#requests = new RequestRunner(engine);
  }

  /**
   * Runs `fn` as one request, job or message: its reads may go to replicas, and those of its session's later requests see what it has
   * written. For whatever Nest does not open a request for, such as Express, Fastify, Hono and workers. Resolves with the result of `fn` when the
   * session knows what was written: answer the client after that. What `fn` leaves running afterwards belongs to no request.
   *
   * Rejects with an `InvalidReplicaOptionsError` or `InvalidSessionKeyError` before `fn` is called.
   */
  runRequest<T>(options: RequestOptions, fn: () => T | PromiseLike<T>): Promise<T> {
    return this.#requests.run(options, fn);
  }

  /** Everything that `fn` does goes to the primary. A query that it returns begins at once. */
  runOnPrimary<T>(fn: () => T): T {
    const { contexts, options } = this.#engine;
    const intent = intentOf('primary', { consistency: 'strong' }, options);
    return contexts.runToStart(this.#engine.scopeFor(intent), fn);
  }

  /**
   * Reads of `fn` may go to replicas, also outside a request and under an unsafe HTTP method. Writes go to the
   * primary, and later reads of `fn` see them. A query that it returns begins at once.
   */
  runOnReplica<T>(options: ReadOptions, fn: () => T): T {
    this.#engine.checkRead(options, 'runOnReplica()');
    const intent = intentOf('replica', options, this.#engine.options);
    return this.#engine.contexts.runToStart(this.#engine.scopeFor(intent), fn);
  }

  /** What is known of the database's functions, and what keeps reads on the primary. */
  catalogStatus(): CatalogStatus {
    return this.#engine.cluster.catalogStatus;
  }

  /** What is known of the nodes now. */
  topology(): TopologyStatus {
    return topologyStatusOf(this.#engine.cluster.monitor.topology, this.#engine.database);
  }

  /**
   * Replaces the list of replicas, given as in the options. A replica without a name keeps its current name, or else
   * is named by host and port. A replica whose connection stays the same goes on as it is.
   *
   * Resolves when the list is in place. A new replica serves once it is warm and has caught up. What runs on a
   * replica that leaves may go on for `drainTimeoutMs`. Rejects with an `InvalidReplicaOptionsError`, or with a
   * `ReplicasAreDiscoveredError` if the option `discovery` is set; then nothing has changed.
   */
  async setReplicas(replicas: readonly NodeOptions[]): Promise<void> {
    const { replicaSet } = this.#engine.cluster;
    if (this.#engine.options.discovery !== undefined) throw new ReplicasAreDiscoveredError();
    await replicaSet.put(replicaSet.resolve(replicas));
  }

  /**
   * Takes a replica out: it gets no new reads. Resolves when nothing runs on it any more, so that you can shut it
   * down. Rejects with a `DrainInterruptedError` if the replica is resumed before that.
   */
  async drain(replica: string): Promise<void> {
    await this.#engine.cluster.replicaSet.drain(replica);
  }

  /** Gives reads to a drained replica again. Throws an `UnknownReplicaError` if there is no replica of that name. */
  resume(replica: string): void {
    this.#engine.cluster.replicaSet.resume(replica);
  }

  /** Routing is on: reads may leave the primary. */
  get isEnabled(): boolean {
    return this.#engine.state.isEnabled;
  }

  /** Lets reads leave the primary again. Sessions still know what they wrote in the meantime. */
  enable(): void {
    this.#engine.state.isEnabled = true;
  }

  /** Sends everything to the primary from now on. */
  disable(): void {
    this.#engine.state.isEnabled = false;
  }

  /**
   * Calls `listener` at each event, and returns a function that stops that. If a listener throws or its promise
   * rejects, the error is logged and does no other harm.
   */
  on<E extends keyof RouterEvents>(event: E, listener: (...args: RouterEvents[E]) => unknown): () => void {
    return this.#engine.events.on(event, listener);
  }

  /**
   * A token for everything that the request, job or message around the caller has written and seen. Give it to
   * `runWithToken()` in another one, also in another process. Waits until the position of its writes is known.
   * Outside a request the token covers everything committed so far.
   */
  currentToken(): Promise<string> {
    return this.#tokens.current();
  }

  /**
   * Calls `fn` in a context of its own whose reads include everything the token covers. A token that is damaged,
   * forged or older than `session.ttlMs` counts as none; by that age every replica that may serve has what the token
   * covered.
   *
   * Writes go to the primary as always. `currentToken()` inside `fn` covers them, too, and so does the request around
   * the call.
   */
  runWithToken<T>(
    token: string | undefined,
    fn: () => T | Promise<T>,
    options: TokenOptions = {},
  ): Promise<T> {
    return this.#tokens.run(token, fn, options);
  }

  /**
   * Waits until some replica has everything the token covers, and resolves to `true`. Resolves to `false` if that
   * takes longer than `timeoutMs` milliseconds, or if only the primary can tell.
   */
  waitForToken(token: string, { timeoutMs }: { timeoutMs: number }): Promise<boolean> {
    return this.#tokens.waitFor(token, timeoutMs);
  }

  /**
   * Calls `fn`, in which each transaction waits at COMMIT until it is as safe as `durability` says; a write outside a transaction
   * gets one. Only on PostgreSQL with synchronous standbys (`synchronous_standby_names`); a transaction counts if it begins
   * inside `fn`. What waits is the COMMIT: without a time limit, for as long as the standbys are away.
   *
   * What cannot be had fails with a `DurabilityUnavailableError` before anything is written. If somebody cancels the wait, the
   * transaction stays committed on the primary, COMMIT fails with a `DurabilityDowngradedError`, and `durability:downgraded` is
   * emitted.
   */
  async withDurability<T>(durability: Durability, fn: () => T | Promise<T>): Promise<T> {
    const engine = this.#engine;
    const { contexts, options } = engine;
    assertDurability(durability);
    if (engine.database.durability === undefined)
      throw new DurabilityUnavailableError(durability, 'database');
    engine.state.usesDurability = true;
    const { request, intent, inside } =
      contexts.current() ?? engine.scopeFor(intentOf('primary', { consistency: 'strong' }, options));
    return contexts.runToStart({ request, intent, inside, durability }, fn);
  }

  /**
   * Waits until replicas show what was written: by the request around the caller, or outside any request by anybody until now.
   * Resolves to `true` then, and to `false` if it takes longer, or if nobody can tell; the event `visibility:missed` says why.
   * Without replicas, and in a request that has written nothing, it resolves to `true` at once. What a transaction has written
   * counts when it is committed.
   *
   * Rejects with an `InvalidReplicaOptionsError` for wrong options, and if there are not so many replicas.
   */
  waitUntilVisible(options: VisibilityOptions = {}): Promise<boolean> {
    return this.#visibility.waitFor(options);
  }

  /**
   * Binds the request around the caller to the session of this key, which is what `session.key` gives for later
   * requests: that session sees everything the request has written and seen, and will. Use it for a request that
   * comes as nobody or as somebody else, such as a log-in, a link in an e-mail or a webhook. The request's own reads
   * stay as they are. Throws a `SessionNotBoundError` outside a request, and if sessions have no keys.
   */
  bindSession(key: string): void {
    bindSession(key, this.#engine);
  }

  /**
   * What this router has done since the process began: where statements went and why, what its pools do, and what needed another
   * attempt. Cheap enough to be asked every second.
   */
  stats(): RouterStats {
    return this.#engine.stats;
  }

  /**
   * @internal What it has done in the last minutes, told by a clock of the caller's that does not step. Whoever asks has to let that tick.
   */
  recentCounts(nowMs: number): RecentCounts {
    return new RecentCounts(this.#engine.counts, this.#engine.patterns, nowMs);
  }

  /**
   * The last 200 events, the oldest first, whether anybody listens or not. Of statements only those that failed or needed more
   * than one attempt. No event holds SQL text.
   */
  recentEvents(): readonly RecordedEvent[] {
    return this.#engine.recent.list();
  }

  /**
   * Where a statement would go now, and why: what the text may do, what the rule says, and for each node why it may answer or not. Asks the
   * same functions that route. Nothing is run or changed: no balancer takes a turn and no session is noted; only the session's state is
   * loaded. If the balancer would choose, the first of its candidates is told.
   *
   * Rejects with an `InvalidReplicaOptionsError` or `InvalidSessionKeyError` for wrong options, and with what the option `route` throws.
   */
  explain(sql: string, options: ExplainOptions = {}): Promise<Explanation> {
    return explain(this.#engine, sql, options);
  }

  /** Counts of what went wrong but did no harm, since the start. */
  counters(): Readonly<Record<RouterCounter, number>> {
    return { ...this.#engine.counters };
  }
}

/** @internal The engine behind a router, for the parts of this package. Applications cannot reach it. */
export function engineOf(router: ReplicaRouter): Engine {
  return engineBehind(router);
}

/** Throws an `InvalidReplicaOptionsError` for anything else, which would become part of a statement. */
function assertDurability(durability: unknown): void {
  const problems = new OptionProblems();
  problems.oneOf('durability', durability ?? null, DURABILITIES);
  problems.throwIfAny('withDurability(): ');
}
