import type { NodeSnapshot } from '../topology/topology.js';
import { shareOf, type Balancer } from './balancer.js';

/** So many names are remembered: nodes that discovery finds may have ever new ones. */
const MOST_NAMES = 1_000;

/**
 * Turns in proportion to the weights, evenly interleaved, as nginx does it: each candidate is credited its weight, the one
 * with the most credit has its turn and pays what all were credited. Weights 5, 1, 1 give a a b a c a a.
 */
export class WeightedRoundRobinBalancer implements Balancer {
  readonly #credits = new Map<string, number>();

  choose(candidates: readonly NodeSnapshot[]): NodeSnapshot {
    let next = candidates[0] as NodeSnapshot;
    let most = -Infinity;
    let total = 0;
    if (this.#credits.size > MOST_NAMES) this.#credits.clear();
    for (const node of candidates) {
      const share = shareOf(node);
      const credit = (this.#credits.get(node.name) ?? 0) + share;
      this.#credits.set(node.name, credit);
      total += share;
      if (credit > most) {
        next = node;
        most = credit;
      }
    }
    this.#credits.set(next.name, most - total);
    return next;
  }
}
