import type { NodeSnapshot } from '../topology/topology.js';
import { shareOf, type Balancer } from './balancer.js';

/** Discovery may find nodes with new names forever, so the memory of names is bounded. */
const MOST_NAMES = 1_000;

/**
 * Gives turns in proportion to the weights, evenly interleaved, with the algorithm of nginx: each candidate is credited its
 * weight, the one with the most credit gets the turn, and it pays the sum of all credits. Weights 5, 1, 1 give a a b a c a a.
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
