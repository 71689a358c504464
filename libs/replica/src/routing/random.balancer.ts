import type { NodeSnapshot } from '../topology/topology.js';
import { shareOf, type Balancer, type BalancerSources } from './balancer.js';

/** Draws any of the candidates, in proportion to their shares. */
export class RandomBalancer implements Balancer {
  readonly #random: BalancerSources['random'];

  constructor({ random }: Pick<BalancerSources, 'random'>) {
    this.#random = random;
  }

  choose(candidates: readonly NodeSnapshot[]): NodeSnapshot {
    return candidates[drawByShare(candidates, this.#random)] as NodeSnapshot;
  }
}

/** Draws the index of a candidate, in proportion to the shares. */
export function drawByShare(candidates: readonly NodeSnapshot[], random: () => number): number {
  const last = candidates.length - 1;
  if (last === 0) return 0;
  let total = 0;
  for (const node of candidates) total += shareOf(node);
  let left = random() * total;
  for (let index = 0; index < last; index++) {
    left -= shareOf(candidates[index] as NodeSnapshot);
    if (left < 0) return index;
  }
  return last;
}
