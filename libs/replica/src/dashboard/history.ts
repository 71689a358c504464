import type { TopologyStatus } from '../observability/node-status.js';
import type { RouterStats } from '../observability/router-stats.js';
import type { HistoryPoint, NodeHistory } from './dashboard-state.js';

/** 15 minutes of seconds. */
const MOST_POINTS = 900;

/** What each second was like, over 15 minutes: lag and reads of each node. */
export class History {
  readonly #points: HistoryPoint[] = [];
  #readsBefore = new Map<string, number>();

  /** Adds the point of this instant. The first one only begins to count. */
  add(atMs: number, { primary, replicas }: TopologyStatus, stats: RouterStats): void {
    const reads = readsOf(stats);
    const before = this.#readsBefore;
    this.#readsBefore = reads;
    const nodes: Record<string, NodeHistory> = {};
    for (const { name, health, lagMs } of [primary, ...replicas])
      nodes[name] = {
        lagMs: health === 'up' ? lagMs : null,
        // A node that left and came back may count from zero again.
        reads: Math.max(0, (reads.get(name) ?? 0) - (before.get(name) ?? 0)),
      };
    if (this.#points.length >= MOST_POINTS) this.#points.shift();
    this.#points.push({ atMs, nodes });
  }

  /** The points after this instant, the oldest first. */
  since(atMs: number): HistoryPoint[] {
    return this.#points.filter((point) => point.atMs > atMs);
  }

  /** The newest point; an empty list while there is none. */
  newest(): HistoryPoint[] {
    return this.#points.slice(-1);
  }
}

function readsOf({ routes }: RouterStats): Map<string, number> {
  const reads = new Map<string, number>();
  for (const { node, kind, count, failed } of routes)
    if (node !== null && kind === 'read') reads.set(node, (reads.get(node) ?? 0) + count - failed);
  return reads;
}
