import { laterPosition, type Position } from '../session/position.js';
import { stalenessMs, type NodeSnapshot } from '../topology/topology.js';
import { LEARN_POSITION, PROBE_PRIMARY, returnMs, sessionReason, toPrimary, toReplica } from './decision.js';
import { eligibleReplicas, hasReplayed, isPrimaryAway, replayedOf, type Asked } from './eligible-replicas.js';
import { preferredBy } from './rendezvous.js';
import type { Decision, RequestView, RouteQuery, SessionView } from './route-query.js';
import { keptBy } from './session-home.js';

/** What a move rests on. */
interface Move {
  readonly asked: Asked;
  /** What the session has written or seen, as far as that is known. */
  readonly required: Position | undefined;
}

/** A session moves once in its replica's absence: worth a short wait, that it need not read from the primary meanwhile. */
const MOVE_TIMEOUT_MS = 50;

/**
 * The node that the session reads from may not serve it now. Another one may if it has replayed all that was shown
 * before: a position that the primary had after this request began (or after its own last answer) is above that, whoever
 * showed it and in whatever process.
 */
export function moveSession(
  query: RouteQuery,
  request: RequestView,
  { asked, required, replayed }: Move & { readonly replayed: readonly NodeSnapshot[] },
): Decision {
  const kept = keptBy(request);
  const isKeptOnPrimary = kept?.name === query.topology.primary.name;
  const reason = isKeptOnPrimary ? 'request-on-primary' : 'session-ahead';
  const shown = query.positionAfter(kept?.lastReadMs ?? request.startedMs);
  if (shown === undefined) {
    // Where no replica would do, the request goes back to one when the position becomes known anyway.
    const isWellServed = isKeptOnPrimary && !kept.isAsked && returnMs(query) === 0;
    return isWellServed || !mayAsk(query, 'learn-position') ? toPrimary(query, reason) : LEARN_POSITION;
  }
  const floor = laterPosition(required, shown);
  const later = replayedOf(replayed, floor);
  if (later.length > 0) {
    return toReplica(query, choose(query, request.session, later), {
      asked,
      reason: sessionReason(request, floor),
    });
  }
  const timeoutMs = Math.max(isKeptOnPrimary ? 0 : MOVE_TIMEOUT_MS, returnMs(query));
  if (timeoutMs === 0 || floor === undefined || query.waited.has('wait-for-replica')) {
    return toPrimary(query, reason);
  }
  const node = oneOf(query, request.session, replayed);
  return { kind: 'wait-for-replica', node, position: floor, timeoutMs };
}

/**
 * With the balancer `nearest` a session that reads from another region moves to the application's own, once: then that is
 * where it reads from. It goes on where it is, `undefined`, while no replica there is about to have what it was shown.
 */
export function moveToRegion(
  query: RouteQuery,
  request: RequestView,
  { from, asked, required }: Move & { readonly from: NodeSnapshot },
): Decision | undefined {
  const { balancer, region } = query.limits;
  if (balancer !== 'nearest' || region === undefined || from.region === region) return undefined;
  if (request.session === undefined || keptBy(request) !== undefined || asked.filter !== undefined)
    return undefined;
  const near = ofRegion(eligibleReplicas(query, asked), region).filter(
    ({ lagMs = Infinity }) => lagMs <= MOVE_TIMEOUT_MS,
  );
  if (near.length === 0) return undefined;
  const shown = query.positionAfter(request.startedMs);
  if (shown === undefined) return mayAsk(query, 'probe-primary') ? PROBE_PRIMARY : undefined;
  const floor = laterPosition(required, shown) as Position;
  const node = preferredBy(request.session.keyHash, near);
  if (hasReplayed(node, floor))
    return toReplica(query, node, { asked, reason: sessionReason(request, floor) });
  if (query.waited.has('wait-for-replica')) return undefined;
  return { kind: 'wait-for-replica', node: node.name, position: floor, timeoutMs: MOVE_TIMEOUT_MS };
}

/**
 * Moves are dated ahead ({@link SessionView.notedForMs} is negative then). By so much less, milliseconds, a replica's data may be younger
 * than the note: so a healthy replica of a session that has not moved passes at once.
 */
const NOTE_SLACK_MS = 2_000;

/** The session's note of `from` is so young that other requests of it, in other processes, may have been shown what that lacks. */
export function isMoving(query: RouteQuery, request: RequestView, from: NodeSnapshot): boolean {
  const { notedForMs, servedBy } = request.session ?? {};
  if (notedForMs === undefined || servedBy !== from.name || keptBy(request) !== undefined) return false;
  return stalenessMs(from, query.nowMs) - NOTE_SLACK_MS > notedForMs;
}

/** While a session moves, its new replica serves it with all that the primary had when the request began. */
export function confirmMove(
  query: RouteQuery,
  request: RequestView,
  { from, asked, required }: Move & { readonly from: NodeSnapshot },
): Decision {
  const shown = query.positionAfter(request.startedMs);
  if (shown === undefined)
    return mayAsk(query, 'probe-primary') ? PROBE_PRIMARY : toPrimary(query, 'session-ahead');
  const floor = laterPosition(required, shown) as Position;
  if (hasReplayed(from, floor))
    return toReplica(query, from, { asked, reason: sessionReason(request, floor) });
  if (query.waited.has('wait-for-replica')) return toPrimary(query, 'session-ahead');
  const timeoutMs = Math.max(MOVE_TIMEOUT_MS, returnMs(query, from.name));
  return { kind: 'wait-for-replica', node: from.name, position: floor, timeoutMs };
}

/** Which of several that may serve: by the session's key, or by the balancer where there is no session. */
export function choose(
  query: RouteQuery,
  session: SessionView | undefined,
  nodes: readonly NodeSnapshot[],
): NodeSnapshot {
  if (session === undefined) return query.balancer.choose(nodes);
  const { balancer, region } = query.limits;
  const near = balancer === 'nearest' && region !== undefined ? ofRegion(nodes, region) : nodes;
  return preferredBy(session.keyHash, near.length > 0 ? near : nodes);
}

/** Which of them to wait for; `undefined`: any, because there are no others. */
export function oneOf(
  query: RouteQuery,
  session: SessionView | undefined,
  nodes: readonly NodeSnapshot[],
): string | undefined {
  return nodes === query.topology.replicas ? undefined : choose(query, session, nodes).name;
}

/**
 * What a replica needs that is to take the session over: all that was shown before. `undefined`: the primary has to be asked first, for a
 * read that waits anyway.
 */
export function floorOfMove(
  query: RouteQuery,
  request: RequestView,
  required: Position | undefined,
): Position | undefined {
  const shown = query.positionAfter(keptBy(request)?.lastReadMs ?? request.startedMs);
  if (shown === undefined && returnMs(query) > 0 && mayAsk(query, 'probe-primary')) return undefined;
  return laterPosition(required, shown);
}

/** A primary that is away tells no position, and it takes long to find that out. */
function mayAsk(query: RouteQuery, how: 'learn-position' | 'probe-primary'): boolean {
  return !query.waited.has(how) && !isPrimaryAway(query);
}

function ofRegion(nodes: readonly NodeSnapshot[], region: string): readonly NodeSnapshot[] {
  return nodes.filter((node) => node.region === region);
}
