/** How busy a node is, as this process sees it. */
export interface NodeLoad {
  /** Reads under way on it. */
  readonly inFlight: number;
  /** Moving average of the time that a read takes on it, in milliseconds; 0 while none has been measured. */
  readonly latencyMs: number;
}

/**
 * Two random choices, and of them the less busy one with the better chance: each is taken in proportion to how little
 * a read would wait there (reads under way times what one takes). So a slow node gets few reads but never none, by which
 * its recovery is noticed; and there is no herd to a single "best" node (Mitzenmacher, "The Power of Two Choices").
 *
 * `load` tells a node's load, `random` gives numbers from 0 up to 1. Throws on an empty list.
 */
export function leastBusy<T extends { readonly name: string }>(
  candidates: readonly T[],
  load: (name: string) => NodeLoad,
  random: () => number,
): T {
  const count = candidates.length;
  const firstIndex = Math.floor(random() * count);
  const first = candidates[firstIndex];
  if (first === undefined) throw new RangeError('there is no candidate to balance between');
  if (count === 1) return first;
  const second = candidates[(firstIndex + 1 + Math.floor(random() * (count - 1))) % count] as T;
  const firstCost = cost(load(first.name));
  const secondCost = cost(load(second.name));
  return random() * (firstCost + secondCost) < secondCost ? first : second;
}

function cost({ inFlight, latencyMs }: NodeLoad): number {
  return (inFlight + 1) * Math.max(latencyMs, SHORTEST_MS);
}

/** Reads that take less differ by noise alone; milliseconds. */
const SHORTEST_MS = 1;
