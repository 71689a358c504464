import type { Position } from '../session/position.js';
import type { Topology } from '../topology/topology.js';
import type { TopologyMonitor } from '../topology/topology-monitor.js';

/** What the result cache asks about positions. */
export interface CachePositions {
  /** What is known of the nodes; `undefined` while nobody watches them. */
  topology(): Topology | undefined;
  /** Where the node stands from now on at the latest; `undefined`: it does not tell. Never rejects. */
  capture(node: string): Promise<Position | undefined>;
  /** Above all that any node has shown by `ms`, milliseconds of the monotonic clock; `undefined`: unknown. Never rejects. */
  after(ms: number): Promise<Position | undefined>;
}

/** @param monitor what watches the nodes; `undefined` before the data source is initialized, or where there are no replicas */
export function cachePositions(monitor: () => TopologyMonitor | undefined): CachePositions {
  /** The last answer of {@link CachePositions.after}: the history forgets, and most sessions ask for the same instant. */
  let last:
    { readonly ms: number; readonly timeline: number | undefined; readonly position: Position } | undefined;
  const capture = (node: string): Promise<Position | undefined> =>
    (monitor()?.capturePosition(node) ?? Promise.resolve(undefined)).catch(() => undefined);
  return {
    topology: () => monitor()?.topology,
    capture,
    after: async (ms) => {
      const known = monitor();
      if (known === undefined) return undefined;
      const { primary } = known.topology;
      const { epoch: timeline } = primary;
      if (last?.ms === ms && last.timeline === timeline) return last.position;
      const position = known.primaryPositionAtOrAfter(ms) ?? (await capture(primary.name));
      if (position !== undefined) last = { ms, timeline, position };
      return position;
    },
  };
}
