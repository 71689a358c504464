import type pg from 'pg';
import type { ContextStorage, Scope } from '../context/context-storage.js';
import { noteChoice, noteRead } from '../context/note-read.js';
import { OpenWrite } from '../context/open-write.js';
import { decideRoute, isWrite } from '../routing/decide-route.js';
import type { Decision, RouteQuery, RoutingLimits, WaitKind } from '../routing/route-query.js';
import type { PrimaryReason, Route } from '../routing/route.js';
import type { StatementEvent } from '../routing/statement-event.js';
import type { Position } from '../session/position.js';
import type { TopologyMonitor } from '../topology/topology-monitor.js';
import { NoReplicaError } from './no-replica.error.js';
import type { NodePool } from './node-pool.js';
import { NodeUnavailableError } from './node-unavailable.error.js';
import { WritePreventedError } from './write-prevented.error.js';
import {
  codeOf,
  isConnectionLoss,
  isReadOnlyViolation,
  isWorthAnotherNode,
  mayWorkOnPrimary,
  messageOf,
} from './postgres-errors.js';
import type { Statement, StatementClassifier } from './statements/index.js';

/** What a {@link StatementRouter} works with. */
export interface StatementRouterOptions {
  readonly pools: ReadonlyMap<string, NodePool>;
  readonly monitor: TopologyMonitor;
  readonly contexts: ContextStorage;
  readonly classifier: StatementClassifier;
  readonly limits: RoutingLimits;
  /** Routing is on; may change at any time. */
  readonly isEnabled: () => boolean;
  /** Learns of each statement; `undefined` while nobody listens. */
  readonly listener: () => ((event: StatementEvent) => void) | undefined;
  /** A text was found to need a newer catalog, or may have changed it. */
  readonly onCatalogStale: () => void;
  /** A replica that a session was noted to read from is noted anew after so long; milliseconds. */
  readonly renoteAfterMs: number;
  /** Milliseconds of a monotonic clock. */
  readonly nowMs: () => number;
  readonly random: () => number;
}

/** What decides beside the request. */
export interface RouteConditions {
  readonly connectionPinned?: boolean;
  readonly primaryRunner: boolean;
  readonly readOnlyTransaction?: boolean;
}

/** So many replicas are asked for one read; then the primary. */
const MAX_REPLICAS_PER_READ = 2;

/** Puts together the decision, the pools and the request: where each statement runs, and again elsewhere on failure. */
export class StatementRouter {
  readonly contexts: ContextStorage;
  readonly #options: StatementRouterOptions;

  constructor(options: StatementRouterOptions) {
    this.#options = options;
    this.contexts = options.contexts;
  }

  classify(text: string): Statement {
    const statement = this.#options.classifier.classify(text);
    if (this.#options.classifier.needsCatalog) this.#options.onCatalogStale();
    return statement;
  }

  /** Throws a `WritePreventedError` where the scope around the caller prevents writes. */
  assertAllowed(statement: Statement): void {
    if (isWrite(statement.kind) && this.contexts.current()?.intent.preventWrites === true) {
      throw new WritePreventedError(statement.kind, statement.because);
    }
  }

  nowMs(): number {
    return this.#options.nowMs();
  }

  pool(node: string): NodePool {
    const pool = this.#options.pools.get(node);
    if (pool === undefined) throw new RangeError(`there is no node named ${node}`);
    return pool;
  }

  get primary(): string {
    return this.#options.monitor.topology.primary.name;
  }

  /** Where the statement goes; waits only for the session's state, or for a replica to catch up if asked to. */
  route(
    statement: Statement,
    scope: Scope | undefined,
    conditions: RouteConditions,
    failed: readonly string[] = [],
  ): Route | Promise<Route> {
    const decision = this.#decide(statement, scope, conditions, failed, NOT_WAITED);
    if (decision.kind === 'route') return this.#chosen(decision, statement, scope);
    return this.#routeAfter(decision, statement, scope, (waited) =>
      this.#decide(statement, scope, conditions, failed, waited),
    );
  }

  /** At once, before anything else can run: the next decision of the request has to know of it. */
  #chosen(route: Route, statement: Statement, scope: Scope | undefined): Route {
    if (scope !== undefined && statement.kind === 'read') noteChoice(scope, route, this.nowMs());
    return route;
  }

  /** Does what the decision waits for, and decides again. */
  async #routeAfter(
    first: Decision,
    statement: Statement,
    scope: Scope | undefined,
    decideAgain: (waited: ReadonlySet<WaitKind>) => Decision,
  ): Promise<Route> {
    const waited = new Set<WaitKind>();
    for (let decision = first; ; decision = decideAgain(waited)) {
      if (decision.kind === 'route') return this.#chosen(decision, statement, scope);
      if (decision.kind === 'no-replica') throw this.#noReplica(decision.reason);
      await this.#waitFor(decision, scope);
      waited.add(decision.kind);
    }
  }

  /** Replicas were asked for this read and failed. */
  #afterReplicas(): Route {
    if (this.#options.limits.fallback === 'error') throw this.#noReplica('replica-failed');
    return this.#toPrimary('replica-failed');
  }

  #noReplica(reason: NoReplicaError['reason']): NoReplicaError {
    const { replicas } = this.#options.monitor.topology;
    return new NoReplicaError(
      reason,
      replicas.map((node) => `${node.name}: ${node.health}`),
    );
  }

  async #waitFor(decision: Extract<Decision, { kind: WaitKind }>, scope: Scope | undefined): Promise<void> {
    const { monitor } = this.#options;
    switch (decision.kind) {
      case 'load-session':
        return scope?.request.session?.loaded();
      case 'learn-position':
        // Where it cannot be learned, the next decision goes to the primary.
        return scope?.request.learn(true);
      case 'wait-for-replica':
        await monitor.waitForReplica(decision.position, decision.timeoutMs, decision.node);
    }
  }

  /** Runs a read outside any transaction: on the node that the rule chooses, on failure elsewhere, in the end on the primary. */
  async read(args: readonly unknown[], text: string, statement: Statement): Promise<pg.QueryResult> {
    const scope = this.contexts.current();
    const failed: string[] = [];
    let refused = false;
    for (;;) {
      const route: Route = refused
        ? this.#toPrimary('refused-by-replica')
        : failed.length >= MAX_REPLICAS_PER_READ
          ? this.#afterReplicas()
          : await this.route(statement, scope, { primaryRunner: false }, failed);
      const startedMs = this.nowMs();
      try {
        const result = await this.pool(route.node).run(args);
        this.answered(scope, route, statement, startedMs);
        return result;
      } catch (error) {
        this.failed(route, statement, startedMs, error);
        if (route.node === this.primary) throw error;
        if (isReadOnlyViolation(error)) {
          this.#options.classifier.rememberAsWrite(text);
          return this.#runRefused(args, scope);
        }
        if (mayWorkOnPrimary(error)) refused = true;
        else if (isWorthAnotherNode(error)) failed.push(route.node);
        else throw error;
      }
    }
  }

  /** A statement was answered: tells the request and whoever listens. */
  answered(scope: Scope | undefined, route: Route, statement: Statement, startedMs: number): void {
    const endedMs = this.nowMs();
    if (scope !== undefined) {
      scope.request.routed(route.node, route.reason);
      this.#note(scope, route, statement, endedMs);
    }
    this.#options.listener()?.({
      kind: statement.kind,
      node: route.node,
      reason: route.reason,
      durationMs: endedMs - startedMs,
    });
    if (statement.changesCatalog) this.#options.onCatalogStale();
  }

  /** A stream was read to its end: what it showed may be newer than when it began. */
  noteShown(scope: Scope | undefined, route: Route, statement: Statement): void {
    if (scope !== undefined) this.#note(scope, route, statement, this.nowMs());
  }

  #note(scope: Scope, route: Route, statement: Statement, endedMs: number): void {
    // What a write has changed is covered by its own position.
    if (statement.mayWrite || statement.kind === 'transaction-control') return;
    noteRead(scope, route, this.#options.monitor.topology, endedMs, this.#options);
  }

  /** A replica refused it: it writes after all. */
  async #runRefused(args: readonly unknown[], scope: Scope | undefined): Promise<pg.QueryResult> {
    const route = this.#toPrimary('refused-by-replica');
    const startedMs = this.nowMs();
    const statement: Statement = {
      kind: 'write',
      mayWrite: true,
      keepsConnection: false,
      changesCatalog: false,
    };
    this.assertAllowed(statement);
    const write = new OpenWrite(scope?.request);
    try {
      const result = await this.pool(route.node).run(args);
      this.answered(scope, route, statement, startedMs);
      write.happened();
      return result;
    } catch (error) {
      if (isConnectionLoss(error)) write.lost();
      else write.happened();
      this.failed(route, statement, startedMs, error);
      throw error;
    }
  }

  #decide(
    statement: Statement,
    scope: Scope | undefined,
    conditions: RouteConditions,
    failed: readonly string[],
    waited: ReadonlySet<WaitKind>,
  ): Decision {
    const { monitor, limits, classifier, isEnabled, nowMs, random } = this.#options;
    const query: RouteQuery = {
      enabled: isEnabled() && classifier.hasCatalog,
      statement: statement.kind,
      connectionPinned: conditions.connectionPinned ?? false,
      primaryRunner: conditions.primaryRunner,
      readOnlyTransaction: conditions.readOnlyTransaction ?? false,
      request: scope?.request.view(scope.intent, Date.now()),
      topology: monitor.topology,
      limits,
      failed,
      waited,
      nowMs: nowMs(),
      random,
      load: this.#load,
      positionAfter: this.#positionAfter,
    };
    return decideRoute(query);
  }

  readonly #load = (node: string): NodePool['load'] => this.pool(node).load;
  readonly #positionAfter = (ms: number): Position | undefined =>
    this.#options.monitor.primaryPositionAtOrAfter(ms);

  #toPrimary(reason: PrimaryReason): Route {
    return { node: this.primary, reason };
  }

  /** A statement failed: tells whoever listens, and has the node probed where its connection was lost. */
  failed(route: Route, statement: Statement, startedMs: number, error: unknown): void {
    this.#options.listener()?.({
      kind: statement.kind,
      node: route.node,
      reason: route.reason,
      durationMs: this.nowMs() - startedMs,
      errorCode: codeOf(error) ?? 'unknown',
    });
    if (route.node === this.primary || !isConnectionLoss(error)) return;
    // One lost connection says little: a probe tells whether the node is gone. One that cannot be had says it all.
    if (error instanceof NodeUnavailableError) this.#options.monitor.suspect(route.node, messageOf(error));
    else this.#options.monitor.doubt(route.node);
  }
}

const NOT_WAITED: ReadonlySet<WaitKind> = new Set();
