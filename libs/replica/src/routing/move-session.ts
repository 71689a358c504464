import { laterPosition, type Position } from '../session/position.js';
import { stalenessMs, type NodeSnapshot } from '../topology/topology.js';
import { LEARN_POSITION, PROBE_PRIMARY, returnMs, sessionReason, toPrimary, toReplica } from './decision.js';
import {
  eligibleReplicas,
  hasReplayed,
  isPrimaryAway,
  replayedOf,
  type ReplicaRequirements,
} from './eligible-replicas.js';
import { homeOf, preferredBy, type UNKNOWN_HOME } from './rendezvous.js';
import type { Decision, KeptNode, RequestView, RouteQuery, SessionView } from './route-query.js';

/** The node that the session (or request) read from last; any other needs a move. `undefined`: nothing binds it. */
export function lastReadNode(
  { topology }: RouteQuery,
  request: RequestView,
): string | typeof UNKNOWN_HOME | undefined {
  const { session } = request;
  const kept = keptBy(request);
  if (kept !== undefined) return kept.name;
  return session === undefined ? undefined : (session.servedBy ?? homeOf(session.keyHash, topology));
}

/** The node that the request keeps. Reads that allow stale data do not say where a session reads from. */
function keptBy({ session, kept }: RequestView): KeptNode | undefined {
  return session !== undefined && kept?.allowsStale === true ? undefined : kept;
}

/** What a move has to respect. */
interface Move {
  readonly requirements: ReplicaRequirements;
  /** What the session has written or seen, as far as anybody knows. */
  readonly required: Position | undefined;
}

/** A session moves only once when its replica goes away, so a short wait pays: it keeps reads off the primary. */
const MOVE_TIMEOUT_MS = 50;

/**
 * Moves a session whose node may not serve it now. Another replica may take over once it has replayed everything that the
 * session was shown before, by any process. A position that the primary had after this request began, or after the
 * request's own last answer, is above all of that.
 */
export function moveSession(
  query: RouteQuery,
  request: RequestView,
  { requirements, required, replayed }: Move & { readonly replayed: readonly NodeSnapshot[] },
): Decision {
  const kept = keptBy(request);
  const isKeptOnPrimary = kept?.name === query.topology.primary.name;
  const reason = isKeptOnPrimary ? 'request-on-primary' : 'session-ahead';
  const shown = query.positionAfter(kept?.lastReadMs ?? request.startedMs);
  if (shown === undefined) {
    // A request that went to the primary because no replica would do goes back once the position is known anyway.
    const isWellServed = isKeptOnPrimary && !kept.isForced && returnMs(query) === 0;
    return isWellServed || !mayAsk(query, 'learn-position') ? toPrimary(query, reason) : LEARN_POSITION;
  }
  const floor = laterPosition(required, shown);
  const later = replayedOf(replayed, floor);
  if (later.length > 0) {
    return toReplica(query, choose(query, request.session, later), {
      requirements,
      reason: sessionReason(request, floor),
    });
  }
  const timeoutMs = Math.max(isKeptOnPrimary ? 0 : MOVE_TIMEOUT_MS, returnMs(query));
  if (timeoutMs === 0 || floor === undefined || query.waited.has('wait-for-replica')) {
    return toPrimary(query, reason);
  }
  const node = replicaToAwait(query, request.session, replayed);
  return { kind: 'wait-for-replica', node, position: floor, timeoutMs };
}

/**
 * With the balancer `nearest`, moves a session from another region to the application's own, once. `undefined`: the session
 * stays where it is, because no replica of the region is close enough to what the session was shown.
 */
export function moveToRegion(
  query: RouteQuery,
  request: RequestView,
  { from, requirements, required }: Move & { readonly from: NodeSnapshot },
): Decision | undefined {
  const { balancer, region } = query.limits;
  if (balancer !== 'nearest' || region === undefined || from.region === region) return undefined;
  if (request.session === undefined || keptBy(request) !== undefined || requirements.filter !== undefined)
    return undefined;
  const near = ofRegion(eligibleReplicas(query, requirements), region).filter(
    ({ lagMs = Infinity }) => lagMs <= MOVE_TIMEOUT_MS,
  );
  if (near.length === 0) return undefined;
  const node = preferredBy(request.session.keyHash, near);
  return moveTo(query, request, { node, requirements, required, timeoutMs: MOVE_TIMEOUT_MS });
}

/** Reads from `node` once it has all that the primary had when the request began. `undefined`: it does not get there in time. */
function moveTo(
  query: RouteQuery,
  request: RequestView,
  {
    node,
    requirements,
    required,
    timeoutMs,
  }: Move & { readonly node: NodeSnapshot; readonly timeoutMs: number },
): Decision | undefined {
  const shown = query.positionAfter(request.startedMs);
  if (shown === undefined) return mayAsk(query, 'probe-primary') ? PROBE_PRIMARY : undefined;
  const position = laterPosition(required, shown) as Position;
  if (hasReplayed(node, position))
    return toReplica(query, node, { requirements, reason: sessionReason(request, position) });
  if (query.waited.has('wait-for-replica')) return undefined;
  return { kind: 'wait-for-replica', node: node.name, position, timeoutMs };
}

/**
 * How much older than the note the replica's data may be without a confirmation; milliseconds. A note that tells of a move is
 * dated ahead ({@link SessionView.notedForMs} is negative then), so this slack lets only sessions pass that have not moved.
 */
const NOTE_SLACK_MS = 2_000;

/** Whether the note of `from` is so recent that other processes may have shown the session newer data than `from` has. */
export function isMoving(query: RouteQuery, request: RequestView, from: NodeSnapshot): boolean {
  const { notedForMs, servedBy } = request.session ?? {};
  if (notedForMs === undefined || servedBy !== from.name || keptBy(request) !== undefined) return false;
  return stalenessMs(from, query.nowMs) - NOTE_SLACK_MS > notedForMs;
}

/** While a session moves, its new replica serves it only with everything that the primary had when the request began. */
export function confirmMove(
  query: RouteQuery,
  request: RequestView,
  { from, requirements, required }: Move & { readonly from: NodeSnapshot },
): Decision {
  const timeoutMs = Math.max(MOVE_TIMEOUT_MS, returnMs(query, from.name));
  const move = { node: from, requirements, required, timeoutMs };
  return moveTo(query, request, move) ?? toPrimary(query, 'session-ahead');
}

/** Chooses among nodes that may serve: by the session's key, or by the balancer if there is no session. */
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

/** The replica to wait for; `undefined`: any, because all of them may serve. */
export function replicaToAwait(
  query: RouteQuery,
  session: SessionView | undefined,
  nodes: readonly NodeSnapshot[],
): string | undefined {
  return nodes === query.topology.replicas ? undefined : choose(query, session, nodes).name;
}

/**
 * The position that a replica needs to take the session over: it covers all that the session was shown before. `undefined`: a
 * read that waits anyway has to ask the primary for it first.
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

/** A primary that is away tells no position, and finding that out takes long. */
function mayAsk(query: RouteQuery, how: 'learn-position' | 'probe-primary'): boolean {
  return !query.waited.has(how) && !isPrimaryAway(query);
}

function ofRegion(nodes: readonly NodeSnapshot[], region: string): readonly NodeSnapshot[] {
  return nodes.filter((node) => node.region === region);
}
