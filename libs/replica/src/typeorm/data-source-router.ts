import type { DataSource, EntityManager } from 'typeorm';
import { bindSession } from '../engine/bind-session.js';
import type { Engine } from '../engine/engine.js';
import { JobTokens } from '../engine/job-tokens.js';
import { topologyStatusOf, type TopologyStatus } from '../engine/node-status.js';
import type { CatalogStatus } from '../engine/postgres.js';
import { intentOf, type ReadOptions } from '../engine/read-options.js';
import type { RouterCounter } from '../engine/router-counters.js';
import type { RouterEvents } from '../engine/router-events.js';
import type { TokenOptions } from '../engine/token-options.js';
import { ReplicasAreDiscoveredError } from '../errors/replicas-are-discovered.error.js';
import type { NodeOptions } from '../options/replica-options.js';
import { runReadOnly } from './read-only-transaction.js';

let engineBehind: (router: DataSourceRouter) => Engine;

/** What the application tells and asks the routing of one data source. Get it by `@InjectDataSourceRouter(name?)`. */
export class DataSourceRouter {
  readonly #dataSource: DataSource;
  readonly #engine: Engine;
  readonly #tokens: JobTokens;

  static {
    engineBehind = (router) => router.#engine;
  }

  /** A {@link ReplicaDataSource} makes its own. */
  constructor(dataSource: DataSource, engine: Engine) {
    this.#dataSource = dataSource;
    this.#engine = engine;
    this.#tokens = new JobTokens(engine);
  }

  /** Everything that `fn` does goes to the primary. */
  runOnPrimary<T>(fn: () => T): T {
    const { contexts, options } = this.#engine;
    const intent = intentOf('primary', { consistency: 'strong' }, options);
    return contexts.run(this.#engine.scopeFor(intent), fn);
  }

  /**
   * Reads of `fn` may go to replicas, also outside a request and under an unsafe HTTP method; what it writes goes to the
   * primary, and is seen by its later reads.
   */
  runOnReplica<T>(options: ReadOptions, fn: () => T): T {
    this.#engine.checkRead(options, 'runOnReplica()');
    const intent = intentOf('replica', options, this.#engine.options);
    return this.#engine.contexts.run(this.#engine.scopeFor(intent), fn);
  }

  /**
   * Calls `fn` with an entity manager inside a transaction `REPEATABLE READ READ ONLY` on one node: all its reads see
   * one and the same snapshot, on a replica where one may serve; where there are rules for tables, on the primary, for what
   * it will read is not known when it begins. A write in it fails with SQLSTATE 25006.
   */
  async readOnlyTransaction<T>(options: ReadOptions, fn: (manager: EntityManager) => Promise<T>): Promise<T> {
    this.#engine.checkRead(options, 'readOnlyTransaction()');
    const scope = this.#engine.scopeFor(intentOf('replica', options, this.#engine.options));
    return runReadOnly({ dataSource: this.#dataSource, contexts: this.#engine.contexts, scope }, fn);
  }

  /** What is known of the database's functions, and what keeps reads on the primary. */
  catalogStatus(): CatalogStatus {
    return this.#engine.cluster.catalogStatus;
  }

  /** What is known of the nodes now. */
  topology(): TopologyStatus {
    return topologyStatusOf(this.#engine.cluster.monitor.topology);
  }

  /**
   * From now on these are the replicas, as in the options. One without a name keeps the name that it has, else its host
   * and port are its name; one whose connection is as before goes on as it is. Resolves when they are in place: a new one
   * serves when it is warm and has caught up, and what runs on one that leaves may go on for `drainTimeoutMs`. Rejects
   * with an `InvalidReplicaOptionsError`, or a `ReplicasAreDiscoveredError` where the option `discovery` is given: then
   * nothing has changed.
   */
  async setReplicas(replicas: readonly NodeOptions[]): Promise<void> {
    const { replicaSet } = this.#engine.cluster;
    if (this.#engine.options.discovery !== undefined) throw new ReplicasAreDiscoveredError();
    await replicaSet.put(replicaSet.resolve(replicas));
  }

  /**
   * The replica gets no new reads. Resolves when nothing runs on it any more: it may be taken down. Rejects with a
   * `DrainInterruptedError` when it is resumed before.
   */
  async drain(replica: string): Promise<void> {
    await this.#engine.cluster.replicaSet.drain(replica);
  }

  /** A replica that was drained gets reads again. Throws an `UnknownReplicaError` where there is none of that name. */
  resume(replica: string): void {
    this.#engine.cluster.replicaSet.resume(replica);
  }

  /** Routing is on: reads may leave the primary. */
  get isEnabled(): boolean {
    return this.#engine.state.isEnabled;
  }

  /** Lets reads leave the primary (again). Sessions keep what they wrote meanwhile. */
  enable(): void {
    this.#engine.state.isEnabled = true;
  }

  /** From now on everything goes to the primary. */
  disable(): void {
    this.#engine.state.isEnabled = false;
  }

  /**
   * Calls `listener` at each event; returns how to stop that. A listener that throws, or whose promise rejects, harms
   * nobody: that is logged.
   */
  on<E extends keyof RouterEvents>(event: E, listener: (...args: RouterEvents[E]) => unknown): () => void {
    return this.#engine.events.on(event, listener);
  }

  /**
   * A token for what the request (or job, or message) around the caller has written and seen: for `runWithToken()` in
   * another one, also in another process. Waits until its writes' position is known. Outside any request: a token that
   * covers everything committed by now.
   */
  currentToken(): Promise<string> {
    return this.#tokens.current();
  }

  /**
   * Calls `fn` in a context of its own whose reads include all that the token covers. A token that is damaged, forged or
   * older than `session.ttlMs` counts as none: by then every replica that may serve contains what it covered.
   * Writes go to the primary as always; `currentToken()` inside covers them, too, and so does the request around the call.
   */
  runWithToken<T>(
    token: string | undefined,
    fn: () => T | Promise<T>,
    options: TokenOptions = {},
  ): Promise<T> {
    return this.#tokens.run(token, fn, options);
  }

  /**
   * Waits until some replica shows all that the token covers: `true`, or `false` when that takes longer than `timeoutMs`
   * milliseconds, or only the primary can tell.
   */
  waitForToken(token: string, { timeoutMs }: { timeoutMs: number }): Promise<boolean> {
    return this.#tokens.waitFor(token, timeoutMs);
  }

  /**
   * What the request around the caller has written and seen, and what it goes on to, also belongs to the session of this key: what
   * `session.key` gives for the requests that are to see it. For a request that comes as nobody, or as somebody else: a log-in, a
   * link in an e-mail, a webhook. Its own reads stay as they are. Throws a `SessionNotBoundError` outside a request, and where
   * sessions have no keys.
   */
  bindSession(key: string): void {
    bindSession(key, this.#engine);
  }

  /** What went wrong and did no harm, counted since the start. */
  counters(): Readonly<Record<RouterCounter, number>> {
    return { ...this.#engine.counters };
  }
}

/** What is behind a router, for the parts of this package: applications cannot reach it. */
export function engineOf(router: DataSourceRouter): Engine {
  return engineBehind(router);
}
