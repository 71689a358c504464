import { toPrimary } from './decision.js';
import { decideByAge } from './decide-by-age.js';
import { decideForSession } from './decide-for-session.js';
import { ANY_REPLICA, isEligible, isPrimaryAway, type Asked } from './eligible-replicas.js';
import { askLastWord } from './last-word.js';
import type { PrimaryReason } from './route.js';
import type { Decision, Intent, RequestView, RouteQuery, StatementKind } from './route-query.js';

/**
 * The policy. Read from top to bottom: the first line that applies decides. What is not known goes to the primary.
 * Pure, but for what a balancer or a function of the user's keeps: the same query gives the same decision.
 */
export function decideRoute(query: RouteQuery): Decision {
  const { request = OUTSIDE, limits, tableRule, topology } = query;
  if (!query.enabled) return toPrimary(query, 'routing-disabled');
  if (query.statement !== 'read' && !query.readOnlyTransaction) {
    return toPrimary(query, reasonOfKind(query.statement));
  }
  if (request.transactionOpen) return toPrimary(query, 'transaction');
  if (query.primaryRunner) return toPrimary(query, 'primary-runner');
  if (tableRule === 'primary' || tableRule === topology.primary.name) return toPrimary(query, 'table-rule');

  const isUnruled = tableRule === undefined;
  const { intent } = request;
  if (request === OUTSIDE && isUnruled) return toPrimary(query, 'no-context');
  const asked = primaryAskedBy(intent);
  if (asked !== undefined && (asked !== 'unsafe-method' || isUnruled)) return toPrimary(query, asked);
  if (intent.target !== 'replica' && isUnruled && limits.defaultReadPreference === 'primary')
    return toPrimary(query, 'primary-preferred');
  if (request.ownWritePending) return toPrimary(query, 'own-write');
  if (request.ownWriteLost && !isPrimaryAway(query)) return toPrimary(query, 'own-write');
  return decideRead(query, request);
}

/** Why whoever opened the scope wants its reads on the primary; `undefined`: they may leave. */
export function primaryAskedBy({ target, consistency, safeMethod }: Intent): PrimaryReason | undefined {
  if (target === 'primary') return 'forced-primary';
  if (consistency === 'strong') return 'strong-consistency';
  return target === 'replica' || safeMethod ? undefined : 'unsafe-method';
}

/** A read that may leave the primary: by consistency; then the user's own function has the last word. */
function decideRead(query: RouteQuery, request: RequestView): Decision {
  const asked = askedOf(query, request.intent);
  const decision = decideAmong(query, request, asked);
  if (query.lastWord === undefined || decision.kind !== 'route') return decision;
  if (decision.reason === 'session-unknown') return decision;
  const name = askLastWord(query, decision, asked);
  if (name === undefined) return decision;
  if (name === query.topology.primary.name) return toPrimary(query, 'route-function');
  const { maxAgeMs } = asked;
  return decideAmong(query, request, { filter: { by: 'name', name }, maxAgeMs, reason: 'route-function' });
}

function decideAmong(query: RouteQuery, request: RequestView, asked: Asked): Decision {
  return request.intent.consistency === 'session'
    ? decideForSession(query, request, asked)
    : decideByAge(query, request, asked);
}

/** The replica that a table rule names; else the first of those asked for of which one is eligible; else any. */
function askedOf(query: RouteQuery, { consistency, maxStalenessMs, selection }: Intent): Asked {
  const { tableRule, topology } = query;
  const maxAgeMs = consistency === 'bounded' ? (maxStalenessMs ?? 0) : Infinity;
  if (tableRule !== undefined) {
    return { filter: { by: 'name', name: tableRule }, maxAgeMs, reason: 'table-rule' };
  }
  if (selection === undefined) return consistency === 'bounded' ? { maxAgeMs } : ANY_REPLICA;
  const choices = selection.map((filter): Asked => ({ filter, maxAgeMs }));
  const isServed = (asked: Asked): boolean =>
    topology.replicas.some((node) => isEligible(query, node, asked));
  return choices.find(isServed) ?? choices[0] ?? ANY_REPLICA;
}

/** A read outside any request, which a table rule sends to a replica: nothing was promised to anyone. */
const OUTSIDE: RequestView = Object.freeze({
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

/** It may change data; one that was not understood is taken for such. */
export function isWrite(kind: StatementKind): boolean {
  return kind === 'write' || kind === 'unknown';
}

/** Why a statement that is not a plain read goes to the primary. */
export function reasonOfKind(kind: Exclude<StatementKind, 'read'>): PrimaryReason {
  return kind === 'unknown' ? 'unknown-statement' : kind;
}
