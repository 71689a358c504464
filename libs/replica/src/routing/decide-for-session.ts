import type { Position } from '../session/position.js';
import {
  noneCaughtUp,
  LOAD_SESSION,
  noReplica,
  PROBE_PRIMARY,
  sessionReason,
  toPrimary,
  toReplica,
} from './decision.js';
import {
  eligibleReplicas,
  findReplica,
  hasReplayed,
  isEligible,
  isPrimaryAway,
  replayedOf,
  requiredPosition,
  type ReplicaRequirements,
} from './eligible-replicas.js';
import {
  choose,
  confirmMove,
  floorOfMove,
  isMoving,
  lastReadNode,
  moveSession,
  replicaToAwait,
  moveToRegion,
} from './move-session.js';
import type { Decision, RequestView, RouteQuery } from './route-query.js';

/** Consistency `session`: a client sees its own writes, and nothing older than it has already seen. */
export function decideForSession(
  query: RouteQuery,
  request: RequestView,
  requirements: ReplicaRequirements,
): Decision {
  const { session } = request;
  if (session !== undefined) {
    if (session.status === 'loading' && !query.waited.has('load-session')) return LOAD_SESSION;
    if (session.status !== 'loaded' || session.onPrimary) return toPrimary(query, 'session-unknown');
    // While the primary is away nobody can say whether the write happened, and nobody was told that it did.
    if (session.isUnconfirmed && !isPrimaryAway(query)) return toPrimary(query, 'session-unknown');
  }
  const required = requiredPosition(request);
  const before = lastReadNode(query, request);
  const from = typeof before === 'string' ? findReplica(query, before) : undefined;
  if (from === undefined || !isEligible(query, from, requirements)) {
    return decideElsewhere(query, request, { requirements, required, isFree: before === undefined });
  }
  if (!hasReplayed(from, required))
    return noneCaughtUp(query, request, { position: required, node: from.name });
  if (isMoving(query, request, from)) return confirmMove(query, request, { from, requirements, required });
  return (
    moveToRegion(query, request, { from, requirements, required }) ??
    toReplica(query, from, { requirements, reason: sessionReason(request, required) })
  );
}

/** The session (or request) has read nothing yet, or the node that it reads from may not serve it now. */
function decideElsewhere(
  query: RouteQuery,
  request: RequestView,
  {
    requirements,
    required,
    isFree,
  }: { requirements: ReplicaRequirements; required: Position | undefined; isFree: boolean },
): Decision {
  const eligible = eligibleReplicas(query, requirements);
  if (eligible.length === 0) return noReplica(query);
  const replayed = replayedOf(eligible, required);
  if (replayed.length === 0) {
    const node = replicaToAwait(query, request.session, eligible);
    const position = isFree ? required : floorOfMove(query, request, required);
    return position === undefined ? PROBE_PRIMARY : noneCaughtUp(query, request, { position, node });
  }
  if (!isFree) return moveSession(query, request, { requirements, required, replayed });
  const node = choose(query, request.session, replayed);
  return toReplica(query, node, { requirements, reason: sessionReason(request, required) });
}
