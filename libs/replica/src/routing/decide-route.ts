import { InvalidChoiceError } from '../errors/invalid-choice.error.js';
import { toPrimary } from './decision.js';
import { decideByAge } from './decide-by-age.js';
import { decideForSession } from './decide-for-session.js';
import {
  ANY_REPLICA,
  findReplica,
  isEligible,
  isPrimaryAway,
  type ReplicaRequirements,
} from './eligible-replicas.js';
import type { PrimaryReason, Route } from './route.js';
import type { Decision, Intent, RequestView, RouteQuery, StatementKind } from './route-query.js';

/**
 * The policy. Read it from top to bottom: the first line that applies decides. In doubt the primary answers.
 *
 * It is pure except for the state that a balancer or a function of the user's keeps: equal queries give equal decisions.
 */
export function decideRoute(query: RouteQuery): Decision {
  const { request = OUTSIDE_REQUESTS, limits, tableRule, topology } = query;
  if (!query.enabled) return toPrimary(query, 'routing-disabled');
  if (query.statement !== 'read' && !query.readOnlyTransaction) {
    return toPrimary(query, reasonOfKind(query.statement));
  }
  if (request.transactionOpen) return toPrimary(query, 'transaction');
  if (query.primaryRunner) return toPrimary(query, 'primary-runner');
  if (tableRule === 'primary' || tableRule === topology.primary.name) return toPrimary(query, 'table-rule');

  const isUnruled = tableRule === undefined;
  const { intent } = request;
  if (request === OUTSIDE_REQUESTS && isUnruled) return toPrimary(query, 'no-context');
  const forcedBy = primaryAskedBy(intent);
  if (forcedBy !== undefined && (forcedBy !== 'unsafe-method' || isUnruled))
    return toPrimary(query, forcedBy);
  if (intent.target !== 'replica' && isUnruled && limits.defaultReadPreference === 'primary')
    return toPrimary(query, 'primary-preferred');
  if (request.ownWritePending) return toPrimary(query, 'own-write');
  if (request.ownWriteLost && !isPrimaryAway(query)) return toPrimary(query, 'own-write');
  return decideRead(query, request);
}

/** Why the scope around the statement wants its reads on the primary; `undefined`: its reads may leave the primary. */
export function primaryAskedBy({ target, consistency, safeMethod }: Intent): PrimaryReason | undefined {
  if (target === 'primary') return 'forced-primary';
  if (consistency === 'strong') return 'strong-consistency';
  return target === 'replica' || safeMethod ? undefined : 'unsafe-method';
}

/** Decides a read that may leave the primary, by its consistency. The option `route` may then override the decision. */
function decideRead(query: RouteQuery, request: RequestView): Decision {
  const requirements = requirementsOf(query, request.intent);
  const decision = decideAmong(query, request, requirements);
  if (query.routeOverride === undefined || decision.kind !== 'route') return decision;
  if (decision.reason === 'session-unknown') return decision;
  const name = overrideRoute(query, decision, requirements);
  if (name === undefined) return decision;
  if (name === query.topology.primary.name) return toPrimary(query, 'route-function');
  const { maxAgeMs } = requirements;
  return decideAmong(query, request, { filter: { by: 'name', name }, maxAgeMs, reason: 'route-function' });
}

/** The node that the option `route` names; `undefined`: as decided. Throws an `InvalidChoiceError` if it names no node. */
function overrideRoute(
  query: RouteQuery,
  { node, reason }: Route,
  requirements: ReplicaRequirements,
): string | undefined {
  const { topology } = query;
  const primary = topology.primary.name;
  const name = query.routeOverride?.({ node, reason, eligible: eligibleNames(query, requirements), primary });
  if (name === undefined || name === primary || findReplica(query, name) !== undefined) return name;
  throw new InvalidChoiceError('route', name, [primary, ...topology.replicas.map((one) => one.name)]);
}

/** Replicas of weight 0 included: the function may ask for them by name. */
function eligibleNames(query: RouteQuery, { maxAgeMs }: ReplicaRequirements): readonly string[] {
  return query.topology.replicas
    .filter((node) => isEligible(query, node, { filter: { by: 'name', name: node.name }, maxAgeMs }))
    .map(({ name }) => name);
}

function decideAmong(query: RouteQuery, request: RequestView, requirements: ReplicaRequirements): Decision {
  return request.intent.consistency === 'session'
    ? decideForSession(query, request, requirements)
    : decideByAge(query, request, requirements);
}

/** The replica of a table rule; else the first requested selection that an eligible replica matches; else any replica. */
export function requirementsOf(
  query: RouteQuery,
  { consistency, maxStalenessMs, selection }: Intent = OUTSIDE_REQUESTS.intent,
): ReplicaRequirements {
  const { tableRule, topology } = query;
  const maxAgeMs = consistency === 'bounded' ? (maxStalenessMs ?? 0) : Infinity;
  if (tableRule !== undefined) {
    return { filter: { by: 'name', name: tableRule }, maxAgeMs, reason: 'table-rule' };
  }
  if (selection === undefined) return consistency === 'bounded' ? { maxAgeMs } : ANY_REPLICA;
  const choices = selection.map((filter): ReplicaRequirements => ({ filter, maxAgeMs }));
  const isServed = (choice: ReplicaRequirements): boolean =>
    topology.replicas.some((node) => isEligible(query, node, choice));
  return choices.find(isServed) ?? choices[0] ?? ANY_REPLICA;
}

/** Stands in for the request when a table rule sends a read outside any request to a replica: nobody was promised anything. */
const OUTSIDE_REQUESTS: RequestView = Object.freeze({
  intent: Object.freeze({
    target: 'default',
    safeMethod: true,
    consistency: 'eventual',
    catchUpTimeoutMs: 0,
    preventWrites: false,
  }),
  startedMs: 0,
  ownWritePending: false,
  ownWriteLost: false,
  hasWritten: false,
  transactionOpen: false,
});

/** Whether a statement of this kind may change data. One that was not understood counts as a write. */
export function isWrite(kind: StatementKind): boolean {
  return kind === 'write' || kind === 'unknown';
}

/** Why a statement that is not a plain read goes to the primary. */
export function reasonOfKind(kind: Exclude<StatementKind, 'read'>): PrimaryReason {
  return kind === 'unknown' ? 'unknown-statement' : kind;
}
