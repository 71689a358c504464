import { laterPosition, type Position } from '../session/position.js';
import { stalenessMs, type NodeSnapshot } from '../topology/topology.js';
import { matchesFilter, type ReplicaFilter } from './replica-filter.js';
import type { ReplicaReason } from './route.js';
import type { RequestView, RouteQuery } from './route-query.js';

/** What a read requires of the replica that answers it, besides a position. */
export interface ReplicaRequirements {
  /** Which replicas may answer; absent: any whose weight is not 0. */
  readonly filter?: ReplicaFilter;
  /** How old the data may be, in milliseconds. The operator's limits apply as well. */
  readonly maxAgeMs: number;
  /** The reason to report, if neither the request nor the session chose these replicas. */
  readonly reason?: Extract<ReplicaReason, 'table-rule' | 'route-function'>;
}

/** What most reads require: any replica within the operator's limits. */
export const ANY_REPLICA: ReplicaRequirements = Object.freeze({ maxAgeMs: Infinity });

const NONE: readonly NodeSnapshot[] = Object.freeze([]);

/** The replicas that meet the requirements and are healthy and fresh. Usually all of them: then no new list is made. */
export function eligibleReplicas(
  query: RouteQuery,
  requirements: ReplicaRequirements,
): readonly NodeSnapshot[] {
  const { replicas } = query.topology;
  let count = 0;
  for (const node of replicas) if (isEligible(query, node, requirements)) count++;
  if (count === replicas.length) return replicas;
  return count === 0 ? NONE : replicas.filter((node) => isEligible(query, node, requirements));
}

export function replayedOf(
  nodes: readonly NodeSnapshot[],
  position: Position | undefined,
): readonly NodeSnapshot[] {
  if (position === undefined) return nodes;
  let count = 0;
  for (const node of nodes) if (hasReplayed(node, position)) count++;
  if (count === nodes.length) return nodes;
  return count === 0 ? NONE : nodes.filter((node) => hasReplayed(node, position));
}

/** The replica with this name; `undefined` if there is none (any more), or if it is the primary. */
export function findReplica({ topology }: RouteQuery, name: string): NodeSnapshot | undefined {
  for (const node of topology.replicas) if (node.name === name) return node;
  return undefined;
}

/** What a replica must have replayed for this request at least; `undefined`: nothing. */
export function requiredPosition({ ownPosition, session }: RequestView): Position | undefined {
  return laterPosition(ownPosition, session?.position);
}

export function hasReplayed(node: NodeSnapshot, position: Position | undefined): boolean {
  return position === undefined || (node.position !== undefined && node.position >= position);
}

/** The node takes new reads, as far as its health goes: it is up, and is not being taken out. */
export function mayServe({ health, isDraining }: NodeSnapshot): boolean {
  return health === 'up' && isDraining !== true;
}

export function isEligible(
  query: RouteQuery,
  node: NodeSnapshot,
  requirements: ReplicaRequirements,
): boolean {
  return (
    isRequested(node, requirements) &&
    isAvailable(query, node) &&
    (isFresh(query, node, requirements) || mayServeStale(query, node, requirements))
  );
}

/** Why a replica is not eligible, apart from positions. */
export type Ineligibility = 'not-asked-for' | 'down' | 'draining' | 'failed' | 'too-old';

/** The same as {@link isEligible}, in words: why the replica may not answer; `undefined`: it may. */
export function whyNot(
  query: RouteQuery,
  node: NodeSnapshot,
  requirements: ReplicaRequirements,
): Ineligibility | undefined {
  if (!isRequested(node, requirements)) return 'not-asked-for';
  if (node.health !== 'up') return 'down';
  if (node.isDraining === true) return 'draining';
  if (query.failed.includes(node.name)) return 'failed';
  return isFresh(query, node, requirements) || mayServeStale(query, node, requirements)
    ? undefined
    : 'too-old';
}

function isRequested(node: NodeSnapshot, { filter }: ReplicaRequirements): boolean {
  return filter === undefined ? node.weight > 0 : matchesFilter(node, filter);
}

/** Whether the primary does not answer, so that its position cannot be learned. */
export function isPrimaryAway({ topology: { primary }, failed }: RouteQuery): boolean {
  return primary.health === 'down' || (failed.length > 0 && failed.includes(primary.name));
}

/** Whether the node's data is within all limits, and was not beyond them a moment ago. */
export function isFresh(
  { limits, nowMs }: RouteQuery,
  node: NodeSnapshot,
  { maxAgeMs }: ReplicaRequirements,
): boolean {
  return node.isTooOld !== true && stalenessMs(node, nowMs) <= Math.min(limits.maxLagMs, maxAgeMs);
}

function isAvailable({ failed }: RouteQuery, node: NodeSnapshot): boolean {
  return mayServe(node) && (failed.length === 0 || !failed.includes(node.name));
}

/** Whether a replica beyond the operator's limits may serve all the same. The request's own limit always holds. */
function mayServeStale(query: RouteQuery, node: NodeSnapshot, { maxAgeMs }: ReplicaRequirements): boolean {
  if (
    query.limits.minServing > 0 &&
    stalenessMs(node, query.nowMs) <= maxAgeMs &&
    isAmongFreshest(query, node)
  ) {
    return true;
  }
  return maxAgeMs === Infinity && isPrimaryAway(query) && wasFresh(query, node);
}

/** For `minServing`: fewer replicas are fresh, and this one is among the freshest of the rest. */
function isAmongFreshest(query: RouteQuery, node: NodeSnapshot): boolean {
  const { limits, topology, nowMs } = query;
  const ageMs = stalenessMs(node, nowMs);
  if (ageMs > limits.hardMaxLagMs || node.weight === 0) return false;
  let before = 0;
  for (const other of topology.replicas) {
    if (other === node || other.weight === 0 || !isAvailable(query, other)) continue;
    const otherMs = stalenessMs(other, nowMs);
    const isFresher = otherMs < ageMs || (otherMs === ageMs && other.name < node.name);
    if (isFresher || isFresh(query, other, ANY_REPLICA)) before++;
  }
  return before < limits.minServing;
}

/**
 * Whether a replica was fresh before the primary went away. While the primary is away, data ages although nobody lags.
 *
 * As long as sessions remember what they saw, every promise holds. After that the replica's lag counts as it was when the
 * primary last answered. If the primary never answered, any replica will do.
 */
function wasFresh({ topology: { primary }, limits, nowMs }: RouteQuery, node: NodeSnapshot): boolean {
  if (stalenessMs(node, nowMs) <= limits.rememberedMs || primary.freshAsOfMs === undefined) return true;
  return node.freshAsOfMs !== undefined && primary.freshAsOfMs - node.freshAsOfMs <= limits.maxLagMs;
}
