import { laterPosition, type Position } from '../session/position.js';
import {
  behind,
  LOAD_SESSION,
  none,
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
  type Asked,
} from './eligible-replicas.js';
import {
  choose,
  confirmMove,
  floorOfMove,
  isMoving,
  moveSession,
  oneOf,
  moveToRegion,
} from './move-session.js';
import type { Decision, RequestView, RouteQuery } from './route-query.js';
import { readFrom } from './session-home.js';

/** Consistency `session`: the client's own writes, and nothing older than it has already seen. */
export function decideForSession(query: RouteQuery, request: RequestView, asked: Asked): Decision {
  const { session } = request;
  if (session !== undefined) {
    if (session.status === 'loading' && !query.waited.has('load-session')) return LOAD_SESSION;
    if (session.status !== 'loaded' || session.onPrimary) return toPrimary(query, 'session-unknown');
    // Nobody was told that the write happened: it may be missing where the primary cannot say.
    if (session.isUnconfirmed && !isPrimaryAway(query)) return toPrimary(query, 'session-unknown');
  }
  const required = laterPosition(request.ownPosition, session?.position);
  const before = readFrom(query, request);
  const from = typeof before === 'string' ? findReplica(query, before) : undefined;
  if (from === undefined || !isEligible(query, from, asked)) {
    return decideElsewhere(query, request, { asked, required, isFree: before === undefined });
  }
  if (!hasReplayed(from, required)) return behind(query, request, { position: required, node: from.name });
  if (isMoving(query, request, from)) return confirmMove(query, request, { from, asked, required });
  return (
    moveToRegion(query, request, { from, asked, required }) ??
    toReplica(query, from, { asked, reason: sessionReason(request, required) })
  );
}

/** It has read nothing yet, or the node that it reads from may not serve it now. */
function decideElsewhere(
  query: RouteQuery,
  request: RequestView,
  { asked, required, isFree }: { asked: Asked; required: Position | undefined; isFree: boolean },
): Decision {
  const eligible = eligibleReplicas(query, asked);
  if (eligible.length === 0) return none(query);
  const replayed = replayedOf(eligible, required);
  if (replayed.length === 0) {
    const node = oneOf(query, request.session, eligible);
    const position = isFree ? required : floorOfMove(query, request, required);
    return position === undefined ? PROBE_PRIMARY : behind(query, request, { position, node });
  }
  if (!isFree) return moveSession(query, request, { asked, required, replayed });
  const node = choose(query, request.session, replayed);
  return toReplica(query, node, { asked, reason: sessionReason(request, required) });
}
