import type { StatementKind } from '../routing/route-query.js';
import type { NodeRole } from '../topology/topology.js';

/** The upper bounds of the histogram's buckets in seconds, as OpenTelemetry's semantic conventions name them. */
export const BUCKETS_S = [0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1, 5, 10] as const;

/** How long the statements of one kind took on one node. */
export interface DurationCount {
  readonly node: string;
  readonly role: NodeRole;
  readonly kind: StatementKind;
  /** How many took longer than the bucket before and at most as long as this one. The last entry: longer than all bounds. */
  readonly counts: readonly number[];
  readonly sumSeconds: number;
}

interface ChangingCount extends DurationCount {
  readonly counts: number[];
  sumSeconds: number;
}

type CountsOfRole = Map<string, Map<StatementKind, ChangingCount>>;

/**
 * Counts durations in buckets. Each statement costs two lookups and a short search: prom-client's own histogram would make a key
 * of all labels each time.
 */
export class DurationCounts {
  readonly #primaries: CountsOfRole = new Map();
  readonly #replicas: CountsOfRole = new Map();

  add(node: string, role: NodeRole, kind: StatementKind, durationMs: number): void {
    const count = this.#of(node, role, kind);
    const seconds = durationMs / 1000;
    let bucket = 0;
    while (bucket < BUCKETS_S.length && seconds > (BUCKETS_S[bucket] as number)) bucket++;
    count.counts[bucket]! += 1;
    count.sumSeconds += seconds;
  }

  /** Forgets all nodes for which `isKept` is `false`. */
  keepOnly(isKept: (node: string) => boolean): void {
    for (const byNode of [this.#primaries, this.#replicas])
      for (const node of byNode.keys()) if (!isKept(node)) byNode.delete(node);
  }

  *[Symbol.iterator](): Iterator<DurationCount> {
    for (const byNode of [this.#primaries, this.#replicas])
      for (const byKind of byNode.values()) yield* byKind.values();
  }

  #of(node: string, role: NodeRole, kind: StatementKind): ChangingCount {
    const byNode = role === 'primary' ? this.#primaries : this.#replicas;
    let byKind = byNode.get(node);
    if (byKind === undefined) byNode.set(node, (byKind = new Map()));
    let count = byKind.get(kind);
    if (count === undefined) {
      const counts = Array.from({ length: BUCKETS_S.length + 1 }, () => 0);
      byKind.set(kind, (count = { node, role, kind, counts, sumSeconds: 0 }));
    }
    return count;
  }
}
