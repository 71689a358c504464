import type { NodeSnapshot } from '../topology/topology.js';
import type { Balancer } from './balancer.js';

/** So many names are remembered: nodes that discovery finds may have ever new ones. */
const MOST_NAMES = 1_000;

/**
 * Each candidate in its turn, whatever its weight: the one whose last turn is the longest ago. So the turns also come
 * right where reads have different candidates.
 */
export class RoundRobinBalancer implements Balancer {
  readonly #turns = new Map<string, number>();
  #turn = 0;

  choose(candidates: readonly NodeSnapshot[]): NodeSnapshot {
    let next = candidates[0] as NodeSnapshot;
    let nextTurn = Infinity;
    for (const node of candidates) {
      const turn = this.#turns.get(node.name) ?? 0;
      if (turn < nextTurn) {
        next = node;
        nextTurn = turn;
      }
    }
    if (this.#turns.size > MOST_NAMES) this.#turns.clear();
    this.#turns.set(next.name, ++this.#turn);
    return next;
  }
}
