import type { NodeSnapshot } from '../topology/topology.js';
import { shareOf, type Balancer, type BalancerSources } from './balancer.js';
import { drawByShare } from './random.balancer.js';

/** Shorter latencies differ by noise alone; milliseconds. */
const SHORTEST_MS = 1;

/**
 * Draws two candidates at random and prefers the less busy one (Mitzenmacher, "The Power of Two Choices").
 *
 * - The cost of a candidate is the work that waits there (reads under way times the latency of one), divided by its share.
 *   The chances of the two are inverse to their costs. So a slow node gets few reads but never none, which shows when it
 *   has recovered, and processes do not all rush to a single "best" node.
 * - The first candidate is drawn by weight, the second evenly. Nodes that are equally busy therefore get exactly their
 *   shares.
 */
export class LeastBusyBalancer implements Balancer {
  readonly #load: BalancerSources['load'];
  readonly #random: BalancerSources['random'];

  constructor({ load, random }: BalancerSources) {
    this.#load = load;
    this.#random = random;
  }

  choose(candidates: readonly NodeSnapshot[]): NodeSnapshot {
    const random = this.#random;
    const count = candidates.length;
    const firstIndex = drawByShare(candidates, random);
    const first = candidates[firstIndex] as NodeSnapshot;
    if (count === 1) return first;
    const step = count === 2 ? 1 : 1 + Math.floor(random() * (count - 1));
    const second = candidates[(firstIndex + step) % count] as NodeSnapshot;
    const firstCost = this.#cost(first);
    const secondCost = this.#cost(second);
    return random() * (firstCost + secondCost) < secondCost ? first : second;
  }

  #cost(node: NodeSnapshot): number {
    const { inFlight, latencyMs } = this.#load(node.name);
    return ((inFlight + 1) * Math.max(latencyMs, SHORTEST_MS)) / shareOf(node);
  }
}
