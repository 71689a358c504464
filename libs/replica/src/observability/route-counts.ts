import { isFallback, type RouteReason } from '../routing/route.js';
import type { StatementKind } from '../routing/route-query.js';
import type { NodeRole } from '../topology/topology.js';
import type { RetryStats, RouteStats } from './router-stats.js';

/** The outcomes of one combination of node, role, kind and reason. */
export interface RouteCount {
  count: number;
  failed: number;
  totalMs: number;
}

type Level<K, V> = Map<K, V>;
type CountsOfNode = Level<StatementKind, Level<RouteReason, RouteCount>>;

/** What is counted: a statement that had its final outcome. */
export interface CountedRoute {
  readonly node: string | null;
  readonly role: NodeRole | null;
  readonly kind: StatementKind;
  readonly reason: RouteReason;
}

/** How many nodes are known at once. A discovery may find new names forever: then the one seen first is forgotten. */
const MOST_NODES = 500;
/** The same for the pairs of node and error code. */
const MOST_RETRIES = 1_000;

/** Counts where statements went. Each count is found by nested lookups, so that a statement makes no object. */
export class RouteCounts {
  /** How many reads a replica refused as writes. */
  refused = 0;
  readonly #ofPrimaries = new Map<string | null, CountsOfNode>();
  readonly #ofReplicas = new Map<string | null, CountsOfNode>();
  readonly #ofNobody = new Map<string | null, CountsOfNode>();
  readonly #retries = new Map<string, { node: string; code: string; count: number }>();

  /** The count of this combination, to be changed by the caller. */
  of(node: string | null, role: NodeRole | null, kind: StatementKind, reason: RouteReason): RouteCount {
    const byNode = this.#ofRole(role);
    let byKind = byNode.get(node);
    if (byKind === undefined) byKind = added(byNode, node, new Map(), MOST_NODES);
    let byReason = byKind.get(kind);
    if (byReason === undefined) byKind.set(kind, (byReason = new Map()));
    let count = byReason.get(reason);
    if (count === undefined) byReason.set(reason, (count = { count: 0, failed: 0, totalMs: 0 }));
    return count;
  }

  /** An attempt on this node failed with this error, and another attempt follows. */
  retried(node: string, code: string): void {
    const key = `${node}\0${code}`;
    const known = this.#retries.get(key) ?? added(this.#retries, key, { node, code, count: 0 }, MOST_RETRIES);
    known.count++;
  }

  /** All combinations seen. Makes new objects. */
  routes(): RouteStats[] {
    const routes: RouteStats[] = [];
    for (const role of ['primary', 'replica', null] as const)
      for (const [node, byKind] of this.#ofRole(role))
        for (const [kind, byReason] of byKind)
          for (const [reason, count] of byReason) routes.push({ node, role, kind, reason, ...count });
    return routes;
  }

  retries(): RetryStats[] {
    return Array.from(this.#retries.values(), (one) => ({ ...one }));
  }

  #ofRole(role: NodeRole | null): Map<string | null, CountsOfNode> {
    if (role === 'replica') return this.#ofReplicas;
    return role === null ? this.#ofNobody : this.#ofPrimaries;
  }
}

/** How many reads the primary answered in place of replicas. */
export function fallbacksOf(routes: readonly RouteStats[]): number {
  let fallbacks = 0;
  for (const { role, kind, reason, count, failed } of routes)
    if (role === 'primary' && kind === 'read' && isFallback(reason)) fallbacks += count - failed;
  return fallbacks;
}

/** Adds an entry to a map that must not grow beyond `most`. */
function added<K, V>(map: Map<K, V>, key: K, value: V, most: number): V {
  if (map.size >= most) map.delete(map.keys().next().value as K);
  map.set(key, value);
  return value;
}
