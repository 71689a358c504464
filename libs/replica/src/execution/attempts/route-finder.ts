import type { Scope } from '../../context/context-storage.js';
import { noteChoice } from '../../context/note-read.js';
import type { Balancer } from '../../routing/balancer.js';
import { createBalancer } from '../../routing/balancers.js';
import { explainRoute, type RouteExplanation } from '../../routing/explain-route.js';
import { decideRoute } from '../../routing/decide-route.js';
import type {
  Decision,
  RouteFunction,
  RouteQuery,
  RoutingLimits,
  WaitKind,
} from '../../routing/route-query.js';
import type { PrimaryReason, Route } from '../../routing/route.js';
import type { Position } from '../../session/position.js';
import type { TopologyMonitor } from '../../topology/topology-monitor.js';
import { NoReplicaError, type GateState } from '../../errors/no-replica.error.js';
import type { NodePool } from '../pools/node-pool.js';
import { StaysOnPrimary } from './stays-on-primary.js';
import type { Classifier } from '../database.js';
import type { Statement } from '../statements/statement.js';

/** What a {@link RouteFinder} needs. */
export interface RouteFinderOptions {
  readonly monitor: TopologyMonitor;
  readonly classifier: Classifier;
  readonly limits: RoutingLimits;
  /** Where a rule sends the statement's tables: `primary`, or a replica's name. `undefined`: no rule concerns them. */
  readonly tableRule: (statement: Statement) => string | undefined;
  /** The user's function that may override the routes of reads. */
  readonly routeOverride: RouteFunction | undefined;
  /** Whether routing is on. This may change at any time. */
  readonly isEnabled: () => boolean;
  /** Milliseconds of a monotonic clock. */
  readonly nowMs: () => number;
  readonly random: () => number;
}

/** What the rule says of a statement. */
export interface ExplainedRoute extends RouteExplanation {
  /** Where a rule for tables sends it: `primary`, or a node's name; `null`: no rule concerns it. */
  readonly rule: string | null;
}

/** What a decision depends on besides the request. */
export interface RouteConditions {
  /** The SQL. */
  readonly text: string;
  readonly primaryRunner: boolean;
  readonly readOnlyTransaction?: boolean;
}

/**
 * Asks the rule where a statement goes. Gathers what the rule wants to know, and waits for whatever the rule says must be waited
 * for.
 */
export class RouteFinder {
  readonly #options: RouteFinderOptions;
  readonly #balancer: Balancer;
  readonly #stays = new StaysOnPrimary();
  /** How many reads wait for a replica to catch up. */
  waiting = 0;

  /** @param load the current load of the node with that name */
  constructor(options: RouteFinderOptions, load: (node: string) => NodePool['load']) {
    this.#options = options;
    const { limits, random } = options;
    this.#balancer = createBalancer(limits.balancer, { load, random, region: limits.region });
  }

  /** Where the statement goes. Waits only for the session's state, or for a replica to catch up if the request asks for that. */
  find(
    statement: Statement,
    scope: Scope | undefined,
    { conditions, failed = [] }: { conditions: RouteConditions; failed?: readonly string[] },
  ): Route | Promise<Route> {
    const decide = (waited: ReadonlySet<WaitKind>): Decision =>
      decideRoute(this.#queryOf(statement, scope, { conditions, failed, waited }));
    const decision = decide(NOT_WAITED);
    if (decision.kind === 'route') return this.#chosen(decision, statement, scope);
    return this.#findAfter(decision, statement, { scope, decide });
  }

  /** Where the statement would go, and why. Changes nothing, and waits for nothing. */
  explain(statement: Statement, scope: Scope | undefined, text: string): ExplainedRoute {
    const conditions = { text, primaryRunner: false };
    const query = this.#queryOf(statement, scope, { conditions, failed: [], waited: NOT_WAITED });
    return { ...explainRoute(query), rule: query.tableRule ?? null };
  }

  /** Whether reads may fall back on the primary if no replica may answer them. */
  get mayFallBack(): boolean {
    return this.#options.limits.fallback !== 'error';
  }

  /** Whether there is a replica, up or not, besides the ones named. */
  hasOtherReplica(names: readonly string[]): boolean {
    return this.#options.monitor.topology.replicas.some(({ name }) => !names.includes(name));
  }

  /** The name of the current primary. */
  get primary(): string {
    return this.#options.monitor.topology.primary.name;
  }

  toPrimary(reason: PrimaryReason): Route {
    return { node: this.primary, reason };
  }

  /** Notes the choice right away, before anything else can run, because the request's next decision must know of it. */
  #chosen(route: Route, statement: Statement, scope: Scope | undefined): Route {
    if (scope === undefined || statement.kind !== 'read') return route;
    const nowMs = this.#options.nowMs();
    noteChoice(scope, route, nowMs);
    this.#stays.routed(scope, route, nowMs);
    return route;
  }

  /** Waits for what the decision asks for, then decides again. */
  async #findAfter(
    first: Decision,
    statement: Statement,
    { scope, decide }: { scope: Scope | undefined; decide: (waited: ReadonlySet<WaitKind>) => Decision },
  ): Promise<Route> {
    const waited = new Set<WaitKind>();
    for (let decision = first; ; decision = decide(waited)) {
      if (decision.kind === 'route') return this.#chosen(decision, statement, scope);
      if (decision.kind === 'no-replica') throw this.noReplica(decision.reason);
      await this.#waitFor(decision, scope);
      waited.add(decision.kind);
    }
  }

  async #waitFor(decision: Extract<Decision, { kind: WaitKind }>, scope: Scope | undefined): Promise<void> {
    const { monitor } = this.#options;
    switch (decision.kind) {
      case 'load-session':
        return scope?.request.session?.loaded();
      case 'learn-position':
        // If it cannot be learned, the next decision goes to the primary.
        return scope?.request.learn(true);
      case 'probe-primary':
        await monitor.capturePosition(this.primary).catch(() => undefined);
        return;
      case 'wait-for-replica':
        this.waiting++;
        await monitor
          .waitForReplica(decision.position, decision.timeoutMs, decision.node)
          .finally(() => this.waiting--);
        if (scope !== undefined) this.#stays.ended(scope, this.#options.nowMs());
    }
  }

  /** The error for a read that no replica may answer, with what is known of the replicas. */
  noReplica(reason: NoReplicaError['reason'], limit?: GateState): NoReplicaError {
    const { replicas } = this.#options.monitor.topology;
    return new NoReplicaError(
      reason,
      replicas.map((node) => `${node.name}: ${node.health}`),
      limit,
    );
  }

  #queryOf(
    statement: Statement,
    scope: Scope | undefined,
    {
      conditions,
      failed,
      waited,
    }: { conditions: RouteConditions; failed: readonly string[]; waited: ReadonlySet<WaitKind> },
  ): RouteQuery {
    const { monitor, limits, classifier, isEnabled, nowMs, tableRule, routeOverride } = this.#options;
    const isRead = statement.kind === 'read';
    const now = nowMs();
    const readOnlyTransaction = conditions.readOnlyTransaction ?? false;
    return {
      enabled: isEnabled() && classifier.hasCatalog,
      statement: statement.kind,
      primaryRunner: conditions.primaryRunner,
      readOnlyTransaction,
      // When a transaction begins, nobody knows yet what it will read. If there is any table rule, it goes to the primary.
      tableRule: isRead || readOnlyTransaction ? tableRule(statement) : undefined,
      request: scope?.request.view(scope.intent),
      topology: monitor.topology,
      limits,
      failed,
      waited,
      behindSinceMs: scope === undefined ? undefined : this.#stays.sinceMs(scope, now),
      nowMs: now,
      balancer: this.#balancer,
      positionAfter: this.#positionAfter,
      routeOverride:
        routeOverride === undefined || !isRead
          ? undefined
          : askAbout(routeOverride, statement, conditions.text),
    };
  }

  readonly #positionAfter = (ms: number): Position | undefined =>
    this.#options.monitor.primaryPositionAtOrAfter(ms);
}

function askAbout(
  routeOverride: RouteFunction,
  { kind, tables }: Statement,
  text: string,
): NonNullable<RouteQuery['routeOverride']> {
  return (context) => routeOverride({ text, kind, tables }, context);
}

const NOT_WAITED: ReadonlySet<WaitKind> = new Set();
