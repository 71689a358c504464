import type { ReadLane } from './read-lane.js';

/** It takes reads. */
export function isUsable({ isLeaving, isStuck }: ReadLane): boolean {
  return !isLeaving && !isStuck;
}

/** An idle one, or the one with the least to do; of those that take reads. */
export function leastBusy(lanes: readonly ReadLane[]): ReadLane | undefined {
  let best: ReadLane | undefined;
  for (const lane of lanes) {
    if (!isUsable(lane)) continue;
    if (lane.inFlight === 0) return lane;
    if (best === undefined || lane.backlogMs < best.backlogMs) best = lane;
  }
  return best;
}
