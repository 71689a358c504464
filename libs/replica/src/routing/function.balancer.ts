import type { NodeSnapshot } from '../topology/topology.js';
import {
  shareOf,
  type Balancer,
  type BalancerFunction,
  type BalancerNode,
  type BalancerSources,
} from './balancer.js';
import { InvalidChoiceError } from '../errors/invalid-choice.error.js';

/** Lets a function of the user's choose. */
export class FunctionBalancer implements Balancer {
  readonly #function: BalancerFunction;
  readonly #load: BalancerSources['load'];

  constructor(fn: BalancerFunction, { load }: Pick<BalancerSources, 'load'>) {
    this.#function = fn;
    this.#load = load;
  }

  /** Throws an `InvalidChoiceError` if the function names none of the candidates. */
  choose(candidates: readonly NodeSnapshot[]): NodeSnapshot {
    const name: unknown = this.#function(candidates.map((node) => this.#shown(node)));
    const chosen = candidates.find((node) => node.name === name);
    if (chosen !== undefined) return chosen;
    throw new InvalidChoiceError(
      'balancer',
      name,
      candidates.map((node) => node.name),
    );
  }

  #shown(node: NodeSnapshot): BalancerNode {
    const { name, address, region, tags, lagMs, roundTripMs } = node;
    const { inFlight, latencyMs } = this.#load(name);
    return { name, address, weight: shareOf(node), region, tags, lagMs, roundTripMs, inFlight, latencyMs };
  }
}
