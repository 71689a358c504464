import type { NodeSnapshot } from '../topology/topology.js';
import { shareOf, type Balancer, type BalancerSources } from './balancer.js';
import { drawByShare } from './random.balancer.js';

/**
 * Two random choices, and of them the less busy one with the better chance: each is taken in proportion to its weight and
 * to how little a read would wait there (reads under way times what one takes). So a slow node gets few reads but never
 * none, by which its recovery is noticed; and there is no herd to a single "best" node (Mitzenmacher, "The Power of Two
 * Choices"). The first is drawn by weight, the second evenly: then nodes that are equally busy get just their shares.
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

/** Reads that take less differ by noise alone; milliseconds. */
const SHORTEST_MS = 1;
