import type { Position } from '../session/position.js';
import { stalenessMs, type NodeSnapshot } from '../topology/topology.js';
import { isAskedFor, type ReplicaFilter } from './replica-filter.js';
import type { ReplicaReason } from './route.js';
import type { RouteQuery } from './route-query.js';

/** What a read asks of the replica that answers it, beside what its session has seen. */
export interface Asked {
  /** Which replicas; absent: any that has a weight. */
  readonly filter?: ReplicaFilter;
  /** How old its data may be, beside the operator's limits; milliseconds. */
  readonly maxAgeMs: number;
  /** Why these replicas, where neither the request nor the session says so. */
  readonly reason?: Extract<ReplicaReason, 'table-rule' | 'route-function'>;
}

/** What most reads ask: any replica within the operator's limits. */
export const ANY_REPLICA: Asked = Object.freeze({ maxAgeMs: Infinity });

const NONE: readonly NodeSnapshot[] = Object.freeze([]);

/** The replicas that may serve the read as far as health, age and what it asks go: mostly all, and then no list is made. */
export function eligibleReplicas(query: RouteQuery, asked: Asked): readonly NodeSnapshot[] {
  const { replicas } = query.topology;
  let count = 0;
  for (const node of replicas) if (isEligible(query, node, asked)) count++;
  if (count === replicas.length) return replicas;
  return count === 0 ? NONE : replicas.filter((node) => isEligible(query, node, asked));
}

/** Those that have replayed `position`. */
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

/** A replica by its name; `undefined`: there is none (any more), or it is the primary. */
export function findReplica({ topology }: RouteQuery, name: string): NodeSnapshot | undefined {
  for (const node of topology.replicas) if (node.name === name) return node;
  return undefined;
}

export function hasReplayed(node: NodeSnapshot, position: Position | undefined): boolean {
  return position === undefined || (node.position !== undefined && node.position >= position);
}

export function isEligible(query: RouteQuery, node: NodeSnapshot, asked: Asked): boolean {
  const isMeant = asked.filter === undefined ? node.weight > 0 : isAskedFor(node, asked.filter);
  return (
    isMeant && isWell(query, node) && (isYoung(query, node, asked) || isOldForGoodReason(query, node, asked))
  );
}

/** The primary does not answer: what it has cannot be told any more. */
export function isPrimaryAway({ topology: { primary }, failed }: RouteQuery): boolean {
  return primary.health === 'down' || (failed.length > 0 && failed.includes(primary.name));
}

/** Its data is within all limits, and was not beyond them a moment ago. */
export function isYoung({ limits, nowMs }: RouteQuery, node: NodeSnapshot, { maxAgeMs }: Asked): boolean {
  return node.isTooOld !== true && stalenessMs(node, nowMs) <= Math.min(limits.maxLagMs, maxAgeMs);
}

function isWell({ failed }: RouteQuery, node: NodeSnapshot): boolean {
  return (
    node.health === 'up' && node.isDraining !== true && (failed.length === 0 || !failed.includes(node.name))
  );
}

/** What the request allows is never exceeded; what the operator allows in general is. */
function isOldForGoodReason(query: RouteQuery, node: NodeSnapshot, { maxAgeMs }: Asked): boolean {
  if (
    query.limits.minServing > 0 &&
    stalenessMs(node, query.nowMs) <= maxAgeMs &&
    isAmongFreshest(query, node)
  ) {
    return true;
  }
  return maxAgeMs === Infinity && isPrimaryAway(query) && wasFresh(query, node);
}

/** For `minServing`: fewer are young, and this one is among the freshest of the others. */
function isAmongFreshest(query: RouteQuery, node: NodeSnapshot): boolean {
  const { limits, topology, nowMs } = query;
  const ageMs = stalenessMs(node, nowMs);
  if (ageMs > limits.hardMaxLagMs || node.weight === 0) return false;
  let before = 0;
  for (const other of topology.replicas) {
    if (other === node || other.weight === 0 || !isWell(query, other)) continue;
    const otherMs = stalenessMs(other, nowMs);
    const isFresher = otherMs < ageMs || (otherMs === ageMs && other.name < node.name);
    if (isFresher || isYoung(query, other, ANY_REPLICA)) before++;
  }
  return before < limits.minServing;
}

/**
 * While the primary is away data gets older without anybody lagging. As long as sessions remember what they saw later, all
 * promises hold. Beyond that it counts by how much the replica lagged when the primary was last heard of; where it never
 * was, any replica will do.
 */
function wasFresh({ topology: { primary }, limits, nowMs }: RouteQuery, node: NodeSnapshot): boolean {
  if (stalenessMs(node, nowMs) <= limits.rememberedMs || primary.freshAsOfMs === undefined) return true;
  return node.freshAsOfMs !== undefined && primary.freshAsOfMs - node.freshAsOfMs <= limits.maxLagMs;
}
