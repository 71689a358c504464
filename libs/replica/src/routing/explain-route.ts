import type { Position } from '../session/position.js';
import { stalenessMs, type NodeSnapshot } from '../topology/topology.js';
import { decideRoute, requirementsOf } from './decide-route.js';
import { hasReplayed, requiredPosition, whyNot, type Ineligibility } from './eligible-replicas.js';
import { floorOfMove, lastReadNode } from './move-session.js';
import { isFallback, type RouteReason } from './route.js';
import type { RequestView, RouteQuery, WaitKind } from './route-query.js';

/**
 * Why a node may not answer a read:
 *
 * - `not-asked-for`: it is not among the replicas that the read asks for, or its weight is 0
 * - `down`, `draining`, `too-old`: it is not up as far as anybody knows, is being taken out, or lags too far
 * - `failed`: it has just failed to answer this read
 * - `behind`: it has not replayed what the session or the request has written or seen
 * - a reason of the rule: the primary answers for that reason, whatever the replicas are like
 */
export type CandidateObstacle = Ineligibility | 'behind' | RouteReason;

/** One node, as a candidate for a statement. */
export interface RouteCandidate {
  readonly node: string;
  readonly role: 'primary' | 'replica';
  /** Whether it may answer. Of several that may, the rule or the balancer chooses one. */
  readonly eligible: boolean;
  /** Why it may not answer; `null`: it may. */
  readonly why: CandidateObstacle | null;
  /** How old its data may be now, in whole milliseconds; `null` while unknown. */
  readonly ageMs: number | null;
}

/** What the rule says of a statement, and why. */
export interface RouteExplanation {
  /** The node on which it would run; `null`: no node is allowed to answer (`fallback: 'error'`). */
  readonly node: string | null;
  readonly reason: RouteReason;
  /** What the statement would wait for first. If the wait is not in vain, it may run on a replica all the same. */
  readonly waitsFor: readonly WaitKind[];
  /** The primary, then the replicas. */
  readonly candidates: readonly RouteCandidate[];
}

/** Reasons of the rule which say that the replicas have not replayed enough. */
const BEHIND: ReadonlySet<RouteReason> = new Set(['own-write', 'session-ahead', 'request-on-primary']);

/** Stands for a balancer without taking a turn of it: the first candidate. */
const FIRST: RouteQuery['balancer'] = { choose: ([first]) => first as NodeSnapshot };

/** Explains a decision. Asks the same functions that decide, changes nothing, and waits for nothing. */
export function explainRoute(asked: RouteQuery): RouteExplanation {
  const query: RouteQuery = { ...asked, balancer: FIRST };
  const waitsFor: WaitKind[] = [];
  let decision = decideRoute(query);
  while (decision.kind !== 'route' && decision.kind !== 'no-replica') {
    waitsFor.push(decision.kind);
    decision = decideRoute({ ...query, waited: new Set([...query.waited, ...waitsFor]) });
  }
  const { reason } = decision;
  const node = decision.kind === 'route' ? decision.node : null;
  return { node, reason, waitsFor, candidates: candidatesOf(query, node, reason) };
}

function candidatesOf(query: RouteQuery, chosen: string | null, reason: RouteReason): RouteCandidate[] {
  const { primary, replicas } = query.topology;
  const isOnReplica = chosen !== null && chosen !== primary.name;
  const candidate = (node: NodeSnapshot, why: CandidateObstacle | undefined): RouteCandidate => {
    const ageMs = stalenessMs(node, query.nowMs);
    return {
      node: node.name,
      role: node.role,
      eligible: why === undefined,
      why: why ?? null,
      ageMs: ageMs === Infinity ? null : Math.round(ageMs),
    };
  };
  const whyNotReplica = obstacles(query);
  return [
    candidate(primary, primary.health === 'down' ? 'down' : undefined),
    ...replicas.map((node) => {
      // The chosen replica is right by definition: a function of the user's may have asked for another one than the request.
      if (node.name === chosen) return candidate(node, undefined);
      return candidate(node, whyNotReplica(node) ?? (isOnReplica ? undefined : generalObstacle(reason)));
    }),
  ];
}

function generalObstacle(reason: RouteReason): CandidateObstacle {
  return BEHIND.has(reason) ? 'behind' : reason;
}

/** What stands in the way of a single replica, or of all of them. */
function obstacles(query: RouteQuery): (node: NodeSnapshot) => CandidateObstacle | undefined {
  const general = reasonWithoutReplicas(query);
  if (general !== undefined) return () => generalObstacle(general);
  const { request } = query;
  const requirements = requirementsOf(query, request?.intent);
  const position = request === undefined ? undefined : positionToReach(query, request);
  return (node) => whyNot(query, node, requirements) ?? (hasReplayed(node, position) ? undefined : 'behind');
}

/** Why the primary answers whatever the replicas are like: it would, if there were none. `undefined`: the replicas decide. */
function reasonWithoutReplicas(query: RouteQuery): RouteReason | undefined {
  const topology = { ...query.topology, replicas: [] };
  const decision = decideRoute({ ...query, topology, routeOverride: undefined });
  return decision.kind !== 'route' || isFallback(decision.reason) ? undefined : decision.reason;
}

/** A session that reads from another node needs more of a replica than what it has written. */
function positionToReach(query: RouteQuery, request: RequestView): Position | undefined {
  const required = requiredPosition(request);
  if (request.intent.consistency !== 'session') return required;
  return lastReadNode(query, request) === query.topology.primary.name
    ? floorOfMove(query, request, required)
    : required;
}
