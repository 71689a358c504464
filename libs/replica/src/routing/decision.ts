import type { Position } from '../session/position.js';
import type { NodeSnapshot } from '../topology/topology.js';
import { isPrimaryAway, isFresh, type ReplicaRequirements } from './eligible-replicas.js';
import type { PrimaryReason, ReplicaReason } from './route.js';
import type { Decision, RequestView, RouteQuery } from './route-query.js';

export const LOAD_SESSION: Decision = Object.freeze({ kind: 'load-session' });
export const PROBE_PRIMARY: Decision = Object.freeze({ kind: 'probe-primary' });
export const LEARN_POSITION: Decision = Object.freeze({ kind: 'learn-position' });

export function toPrimary(query: RouteQuery, reason: PrimaryReason): Decision {
  return { kind: 'route', node: query.topology.primary.name, reason };
}

/** A route to a replica. A rule that names it, or a primary that is away, is a better reason than the given one. */
export function toReplica(
  query: RouteQuery,
  node: NodeSnapshot,
  { requirements, reason }: { requirements: ReplicaRequirements; reason: ReplicaReason },
): Decision {
  const isOfUnknownAge = isPrimaryAway(query) && !isFresh(query, node, requirements);
  return {
    kind: 'route',
    node: node.name,
    reason: requirements.reason ?? (isOfUnknownAge ? 'primary-away' : reason),
  };
}

/** No replica is up and fresh enough: the primary answers, or nobody does. */
export function noReplica(query: RouteQuery): Decision {
  const { failed, limits, topology } = query;
  const reason = failed.some((name) => name !== topology.primary.name)
    ? 'replica-failed'
    : 'no-eligible-replica';
  return limits.fallback === 'error' ? { kind: 'no-replica', reason } : toPrimary(query, reason);
}

/** Eligible replicas exist, but none of those that may answer has caught up: wait if that is allowed, else use the primary. */
export function noneCaughtUp(
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

/** How long a read may wait for a replica. Unless told otherwise it waits only while the primary is away. */
function patienceMs(query: RouteQuery, { intent }: RequestView): number {
  if (intent.catchUpTimeoutMs > 0 || !isPrimaryAway(query)) return intent.catchUpTimeoutMs;
  return query.limits.catchUpTimeoutMs;
}

/**
 * How long a read may wait so that its session (or its request) gets back to a replica; 0: not at all.
 *
 * What a session sees on the primary raises the position that a replica must reach. A session that reads more often than
 * replicas lag would therefore never leave the primary. So once it has been there for longer than a replica (or `node`)
 * lags, one of its reads waits for that replica. The wait is about as long as the lag, so nobody waits longer than they
 * were on the primary.
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

/** Why a replica may serve a session, or a request without a session. */
export function sessionReason({ hasWritten }: RequestView, required: Position | undefined): ReplicaReason {
  if (hasWritten) return 'own-write-replayed';
  return required === undefined ? 'session-free' : 'session-replayed';
}
