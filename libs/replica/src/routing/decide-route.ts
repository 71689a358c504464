import { laterPosition, type Position } from '../session/position.js';
import { stalenessMs, type NodeSnapshot } from '../topology/topology.js';
import { leastBusy } from './least-busy.balancer.js';
import { preferredBy } from './rendezvous.js';
import type { PrimaryReason, ReplicaReason } from './route.js';
import type {
  Decision,
  KeptNode,
  RequestView,
  RouteQuery,
  SessionView,
  StatementKind,
} from './route-query.js';

/**
 * The policy. Read from top to bottom: the first line that applies decides. What is not known goes to the primary.
 * Pure: the same query gives the same decision.
 */
export function decideRoute(query: RouteQuery): Decision {
  const { request, limits } = query;
  if (!query.enabled) return toPrimary(query, 'routing-disabled');
  if (query.statement !== 'read' && !query.readOnlyTransaction) {
    return toPrimary(query, reasonOfKind(query.statement));
  }
  if (query.connectionPinned || request?.transactionOpen === true) return toPrimary(query, 'transaction');
  if (query.primaryRunner) return toPrimary(query, 'primary-runner');
  if (request === undefined) return toPrimary(query, 'no-context');

  const { intent } = request;
  if (intent.target === 'primary') return toPrimary(query, 'forced-primary');
  if (intent.consistency === 'strong') return toPrimary(query, 'strong-consistency');
  if (intent.target !== 'replica') {
    if (!intent.safeMethod) return toPrimary(query, 'unsafe-method');
    if (limits.defaultReadPreference === 'primary') return toPrimary(query, 'primary-preferred');
  }
  if (request.ownWritePending) return toPrimary(query, 'own-write');
  return intent.consistency === 'session' ? decideForSession(query, request) : decideByAge(query, request);
}

/** Consistency `session`: the client's own writes, and nothing older than it has already seen. */
function decideForSession(query: RouteQuery, request: RequestView): Decision {
  const { session } = request;
  if (session?.status === 'loading') return { kind: 'load-session' };
  if (session !== undefined && (session.status !== 'loaded' || session.onPrimary)) {
    return toPrimary(query, 'session-unknown');
  }
  const required = laterPosition(request.ownPosition, session?.position);
  const eligible = eligibleReplicas(query, query.limits.maxLagMs);
  if (eligible.length === 0)
    return none(query, query.failed.length > 0 ? 'replica-failed' : 'no-eligible-replica');

  const replayed = eligible.filter((node) => hasReplayed(node, required));
  const node = monotonicChoice(query, request, replayed);
  if (node !== undefined) return toReplica(node, sessionReason(request, required));
  if (request.kept?.name === query.topology.primary.name) return toPrimary(query, 'request-on-primary');
  return behind(query, request, required);
}

/** Consistency `bounded` and `eventual`: by the age of the data alone, but for the request's own writes. */
function decideByAge(query: RouteQuery, request: RequestView): Decision {
  const { intent, ownPosition } = request;
  const bounded = intent.consistency === 'bounded';
  const maxAgeMs = bounded
    ? Math.min(query.limits.maxLagMs, intent.maxStalenessMs ?? 0)
    : query.limits.maxLagMs;
  const eligible = eligibleReplicas(query, maxAgeMs);
  if (eligible.length === 0)
    return none(query, query.failed.length > 0 ? 'replica-failed' : 'no-eligible-replica');

  const replayed = eligible.filter((node) => hasReplayed(node, ownPosition));
  if (replayed.length === 0) return behind(query, request, ownPosition);
  const kept = replayed.find((node) => node.name === request.kept?.name);
  const node = kept ?? leastBusy(replayed, query.load, query.random);
  return toReplica(
    node,
    ownPosition !== undefined ? 'own-write-replayed' : bounded ? 'within-staleness' : 'eventual',
  );
}

/**
 * One of the replicas such that nothing older is shown than before: the node that this request already reads from,
 * else the session's home (by hashing over all replicas, so that it does not move with their health), else one that
 * has replayed all that the former can have shown. `undefined` when there is none.
 */
function monotonicChoice(
  query: RouteQuery,
  request: RequestView,
  replayed: readonly NodeSnapshot[],
): NodeSnapshot | undefined {
  if (replayed.length === 0) return undefined;
  const { session } = request;
  const choose = (nodes: readonly NodeSnapshot[]): NodeSnapshot =>
    session === undefined ? leastBusy(nodes, query.load, query.random) : preferredBy(session.keyHash, nodes);

  const before = request.kept ?? homeOf(query, session);
  if (before === undefined) return choose(replayed);
  const same = replayed.find((node) => node.name === before.name);
  if (same !== undefined || before.lastReadMs === -Infinity) return same ?? choose(replayed);

  const shown = query.positionAfter(before.lastReadMs);
  const later = shown === undefined ? [] : replayed.filter((node) => hasReplayed(node, shown));
  return later.length === 0 ? undefined : choose(later);
}

/** The replica that the session is tied to. */
function homeOf(query: RouteQuery, session: SessionView | undefined): KeptNode | undefined {
  if (session === undefined) return undefined;
  const { name } = preferredBy(session.keyHash, query.topology.replicas);
  return { name, lastReadMs: query.lastReadMs(name) };
}

function eligibleReplicas(query: RouteQuery, maxAgeMs: number): readonly NodeSnapshot[] {
  const { topology, failed, nowMs } = query;
  return topology.replicas.filter(
    (node) => node.health === 'up' && stalenessMs(node, nowMs) <= maxAgeMs && !failed.includes(node.name),
  );
}

function hasReplayed(node: NodeSnapshot, position: Position | undefined): boolean {
  return position === undefined || (node.position !== undefined && node.position >= position);
}

function sessionReason(request: RequestView, required: Position | undefined): ReplicaReason {
  if (request.ownPosition !== undefined) return 'own-write-replayed';
  return required === undefined ? 'session-free' : 'session-replayed';
}

/** There are eligible replicas, but none shows enough: wait where that is allowed, else the primary. */
function behind(query: RouteQuery, request: RequestView, position: Position | undefined): Decision {
  const { catchUpTimeoutMs } = request.intent;
  if (catchUpTimeoutMs > 0 && !query.waited && position !== undefined) {
    return { kind: 'wait-for-replica', position, timeoutMs: catchUpTimeoutMs };
  }
  return toPrimary(query, request.ownPosition === undefined ? 'session-ahead' : 'own-write');
}

function none(query: RouteQuery, reason: 'no-eligible-replica' | 'replica-failed'): Decision {
  return query.limits.fallback === 'error' ? { kind: 'no-replica', reason } : toPrimary(query, reason);
}

function toPrimary(query: RouteQuery, reason: PrimaryReason): Decision {
  return { kind: 'route', node: query.topology.primary.name, reason };
}

function toReplica(node: NodeSnapshot, reason: ReplicaReason): Decision {
  return { kind: 'route', node: node.name, reason };
}

/** It may change data; one that was not understood is taken for such. */
export function isWrite(kind: StatementKind): boolean {
  return kind === 'write' || kind === 'unknown';
}

/** Why a statement that is not a plain read goes to the primary. */
export function reasonOfKind(kind: Exclude<StatementKind, 'read'>): PrimaryReason {
  return kind === 'unknown' ? 'unknown-statement' : kind;
}
