import type { NodeSnapshot } from '../topology/topology.js';
import type { Balancer } from './balancer.js';

/** Discovery may find nodes with new names forever, so the memory of names is bounded. */
const MOST_NAMES = 1_000;

/**
 * Takes each candidate in turn, whatever its weight: the one whose last turn is longest ago. That stays fair when reads have
 * different candidates.
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
