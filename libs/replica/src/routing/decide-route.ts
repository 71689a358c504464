import { laterPosition, type Position } from '../session/position.js';
import { stalenessMs, type NodeSnapshot } from '../topology/topology.js';
import { preferredBy } from './rendezvous.js';
import type { PrimaryReason, ReplicaReason } from './route.js';
import type { Decision, RequestView, RouteQuery, SessionView, StatementKind } from './route-query.js';

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
  if (request?.transactionOpen === true) return toPrimary(query, 'transaction');
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
function decideForSession(query: RouteQuery, asked: RequestView): Decision {
  const { session } = asked;
  const isLenient = session !== undefined && asked.kept?.isLenient === true;
  const request = isLenient ? { ...asked, kept: undefined } : asked;
  if (session?.status === 'loading' && !query.waited.has('load-session')) return { kind: 'load-session' };
  if (session !== undefined && (session.status !== 'loaded' || session.onPrimary)) {
    return toPrimary(query, 'session-unknown');
  }
  const required = laterPosition(request.ownPosition, session?.position);
  const eligible = eligibleReplicas(query, query.limits.maxLagMs);
  if (eligible.length === 0)
    return none(query, query.failed.length > 0 ? 'replica-failed' : 'no-eligible-replica');

  const replayed = eligible.filter((node) => hasReplayed(node, required));
  const before = request.kept?.name ?? session?.servedBy ?? homeOf(query, session);
  const isOnlyBehind = eligible.some(({ name }) => name === before);
  if (replayed.length === 0) return behind(query, request, required, isOnlyBehind ? before : undefined);
  const same =
    before === undefined ? choose(query, session, replayed) : replayed.find(({ name }) => name === before);
  if (same !== undefined) return toReplica(same, sessionReason(request, required));
  return isOnlyBehind ? behind(query, request, required, before) : move(query, request, replayed);
}

/**
 * The node that the session reads from may not serve it now. Another one may if it has replayed all that was shown
 * before: a position that the primary had after this request began (or after its own last answer) is above that, whoever
 * showed it and in whatever process.
 */
function move(query: RouteQuery, request: RequestView, replayed: readonly NodeSnapshot[]): Decision {
  const isKeptOnPrimary = request.kept?.name === query.topology.primary.name;
  const reason = isKeptOnPrimary ? 'request-on-primary' : 'session-ahead';
  const shown = query.positionAfter(request.kept?.lastReadMs ?? request.startedMs);
  if (shown === undefined) {
    // Where no replica would do, the request goes back to one when the position becomes known anyway.
    const isWellServed = isKeptOnPrimary && !(request.kept?.isAsked ?? false);
    if (isWellServed || query.waited.has('learn-position')) return toPrimary(query, reason);
    return { kind: 'learn-position' };
  }
  const required = laterPosition(laterPosition(request.ownPosition, request.session?.position), shown);
  const later = replayed.filter((node) => hasReplayed(node, required));
  if (later.length > 0)
    return toReplica(choose(query, request.session, later), sessionReason(request, required));
  if (isKeptOnPrimary || required === undefined || query.waited.has('wait-for-replica'))
    return toPrimary(query, reason);
  return { kind: 'wait-for-replica', position: required, timeoutMs: MOVE_TIMEOUT_MS };
}

/** A session moves once in its replica's absence: worth a short wait, that it need not read from the primary meanwhile. */
const MOVE_TIMEOUT_MS = 50;

function choose(
  query: RouteQuery,
  session: SessionView | undefined,
  nodes: readonly NodeSnapshot[],
): NodeSnapshot {
  return session === undefined ? query.balancer.choose(nodes) : preferredBy(session.keyHash, nodes);
}

/** The replica that the session's key ties it to: the same whatever the health and the roles of the nodes. */
function homeOf(query: RouteQuery, session: SessionView | undefined): string | undefined {
  const { homes } = query.topology;
  return session === undefined || homes.length === 0 ? undefined : preferredBy(session.keyHash, homes).name;
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
  const node = kept ?? query.balancer.choose(replayed);
  return toReplica(
    node,
    request.hasWritten ? 'own-write-replayed' : bounded ? 'within-staleness' : 'eventual',
  );
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
  if (request.hasWritten) return 'own-write-replayed';
  return required === undefined ? 'session-free' : 'session-replayed';
}

/** There are eligible replicas, but none shows enough: wait where that is allowed, else the primary. */
function behind(
  query: RouteQuery,
  request: RequestView,
  position: Position | undefined,
  node?: string,
): Decision {
  const { catchUpTimeoutMs } = request.intent;
  if (catchUpTimeoutMs > 0 && !query.waited.has('wait-for-replica') && position !== undefined) {
    return { kind: 'wait-for-replica', node, position, timeoutMs: catchUpTimeoutMs };
  }
  return toPrimary(query, request.hasWritten ? 'own-write' : 'session-ahead');
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
