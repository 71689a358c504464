import type { Database } from '../execution/database.js';
import type { Statement } from '../execution/statements/statement.js';
import { TableRules } from '../engine/table-rules.js';
import { DEFAULTS } from '../options/option-table.js';
import type { ResolvedOptions } from '../options/resolve-options.js';
import { createBalancer } from '../routing/balancers.js';
import { decideRoute } from '../routing/decide-route.js';
import type { PrimaryReason } from '../routing/route.js';
import type { RequestView, RouteQuery, RoutingLimits } from '../routing/route-query.js';
import type { NodeSnapshot, Topology } from '../topology/topology.js';

/** Whether the router may send a statement to a replica. */
export interface Verdict {
  readonly mayLeave: boolean;
  /** Why it stays on the primary, as in events and headers; `null` if it may leave. */
  readonly reason: PrimaryReason | null;
  /** The same in words; `null` if it may leave. */
  readonly why: string | null;
  /** Where a rule of the option `tables` sends it; `null`: no rule. */
  readonly rule: string | null;
}

/** What the options say that concerns a decision. */
export type DecisionOptions = Pick<ResolvedOptions<never>, 'enabled' | 'tables' | 'defaultConsistency'> &
  Omit<RoutingLimits, 'rememberedMs'>;

const NOW_MS = 1_000;

/** A node that is up and has everything. */
function freshNode(name: string, role: NodeSnapshot['role']): NodeSnapshot {
  return { name, role, address: '', health: 'up', position: 1n, freshAsOfMs: NOW_MS, lagMs: 0, weight: 1 };
}

/**
 * Says what the router would do with a statement, by asking the router's own rule: in a GET request of a client who has written nothing,
 * outside a transaction, while all replicas are up and have everything. So whatever stays on the primary then stays there always.
 */
export class Verdicts {
  readonly #query: Omit<RouteQuery, 'statement' | 'tableRule'>;
  readonly #rules: TableRules;

  /** @param options those of the application; without any, the defaults */
  constructor(database: Pick<Database, 'nameInCatalog'>, options?: DecisionOptions) {
    const limits = { ...DEFAULTS.routing, ...options, rememberedMs: 0 } as unknown as DecisionOptions &
      RoutingLimits;
    const topology = topologyOf(limits.tables);
    this.#rules = new TableRules(database, limits.tables);
    this.#query = {
      enabled: limits.enabled,
      primaryRunner: false,
      readOnlyTransaction: false,
      request: requestWith(limits.defaultConsistency),
      topology,
      limits: { ...limits, balancer: 'least-busy' },
      failed: [],
      waited: new Set(),
      nowMs: NOW_MS,
      balancer: createBalancer('least-busy', {
        load: () => ({ inFlight: 0, latencyMs: 0 }),
        random: () => 0,
      }),
      positionAfter: () => 1n,
    };
  }

  of(statement: Statement): Verdict {
    const tableRule = statement.kind === 'read' ? this.#rules.ruleFor(statement) : undefined;
    const decision = decideRoute({ ...this.#query, statement: statement.kind, tableRule });
    const rule = tableRule ?? null;
    if (decision.kind !== 'route' || decision.node !== this.#query.topology.primary.name)
      return { mayLeave: true, reason: null, why: null, rule };
    const reason = decision.reason as PrimaryReason;
    return { mayLeave: false, reason, why: wordsOf(reason, statement), rule };
  }
}

function topologyOf(tables: Readonly<Record<string, string>> = {}): Topology {
  const names = new Set(Object.values(tables).filter((name) => name !== 'primary'));
  const replicas = ['replica', ...names].map((name) => freshNode(name, 'replica'));
  const homes = replicas.map(({ name, weight }) => ({ name, weight }));
  return { version: 1, primary: freshNode('primary', 'primary'), replicas, homes };
}

function requestWith(consistency: RequestView['intent']['consistency']): RequestView {
  return {
    intent: { target: 'default', safeMethod: true, consistency, catchUpTimeoutMs: 0, preventWrites: false },
    startedMs: 0,
    ownWritePending: false,
    ownWriteLost: false,
    hasWritten: false,
    transactionOpen: false,
  };
}

function wordsOf(reason: PrimaryReason, { because }: Statement): string {
  switch (reason) {
    case 'table-rule':
      return 'a rule for its tables sends it to the primary (option tables)';
    case 'routing-disabled':
      return 'routing is switched off (option enabled)';
    case 'primary-preferred':
      return 'only @UseReplica() reads from replicas (option defaultReadPreference)';
    case 'strong-consistency':
      return 'only the primary is fresh enough (option defaultConsistency)';
    default:
      return because ?? reason;
  }
}
