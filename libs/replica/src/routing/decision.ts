import type { Position } from '../session/position.js';
import type { NodeSnapshot } from '../topology/topology.js';
import { isPrimaryAway, isYoung, type Asked } from './eligible-replicas.js';
import type { PrimaryReason, ReplicaReason } from './route.js';
import type { Decision, RequestView, RouteQuery } from './route-query.js';

export const LOAD_SESSION: Decision = Object.freeze({ kind: 'load-session' });
export const PROBE_PRIMARY: Decision = Object.freeze({ kind: 'probe-primary' });
export const LEARN_POSITION: Decision = Object.freeze({ kind: 'learn-position' });

export function toPrimary(query: RouteQuery, reason: PrimaryReason): Decision {
  return { kind: 'route', node: query.topology.primary.name, reason };
}

/** Because a rule names it; or because the primary is away, so that its age cannot be told; else for the reason given. */
export function toReplica(
  query: RouteQuery,
  node: NodeSnapshot,
  { asked, reason }: { asked: Asked; reason: ReplicaReason },
): Decision {
  const isOfUnknownAge = isPrimaryAway(query) && !isYoung(query, node, asked);
  return {
    kind: 'route',
    node: node.name,
    reason: asked.reason ?? (isOfUnknownAge ? 'primary-away' : reason),
  };
}

/** No replica is up and fresh enough. */
export function none(query: RouteQuery): Decision {
  const { failed, limits, topology } = query;
  const reason = failed.some((name) => name !== topology.primary.name)
    ? 'replica-failed'
    : 'no-eligible-replica';
  return limits.fallback === 'error' ? { kind: 'no-replica', reason } : toPrimary(query, reason);
}

/** There are eligible replicas, but none shows enough, or not the one that has to: wait where that is allowed, else the primary. */
export function behind(
  query: RouteQuery,
  request: RequestView,
  { position, node }: { position: Position | undefined; node?: string },
): Decision {
  const timeoutMs = Math.max(patienceMs(query, request), returnMs(query, node));
  if (timeoutMs > 0 && position !== undefined && !query.waited.has('wait-for-replica')) {
    return { kind: 'wait-for-replica', node, position, timeoutMs };
  }
  return toPrimary(query, request.hasWritten ? 'own-write' : 'session-ahead');
}

/** How long a replica may be waited for. The primary is quicker, unless it is away. */
function patienceMs(query: RouteQuery, { intent }: RequestView): number {
  if (intent.catchUpTimeoutMs > 0 || !isPrimaryAway(query)) return intent.catchUpTimeoutMs;
  return query.limits.catchUpTimeoutMs;
}

/**
 * How long a read may wait so that its session, or its request, gets back to a replica; 0: not at all. Whoever reads from the primary more
 * often than replicas lag would stay there for good, for what it sees there they do not have. So it waits when it has been there for
 * longer than a replica (or `node`) lags, which it then has to wait for at most: nobody waits longer than he was on the primary.
 */
export function returnMs({ behindSinceMs, limits, topology }: RouteQuery, node?: string): number {
  if (behindSinceMs === undefined) return 0;
  const isNear = topology.replicas.some(
    ({ name, health, lagMs = Infinity, freshAsOfMs = -Infinity }) =>
      health === 'up' &&
      (node === undefined || name === node) &&
      lagMs <= limits.catchUpTimeoutMs &&
      freshAsOfMs >= behindSinceMs,
  );
  return isNear ? limits.catchUpTimeoutMs : 0;
}

/** Why a replica may serve a session, or a request without one. */
export function sessionReason({ hasWritten }: RequestView, required: Position | undefined): ReplicaReason {
  if (hasWritten) return 'own-write-replayed';
  return required === undefined ? 'session-free' : 'session-replayed';
}
