import type { NodeSnapshot } from '../topology/topology.js';
import type { Balancer, BalancerSources } from './balancer.js';

/** Nodes whose round trip is longer by no more than this are as near as the nearest; milliseconds. As in MongoDB. */
const WINDOW_MS = 15;

/**
 * The candidates of the application's own region; where there are none, or it has none, those whose round trip is about as
 * short as the shortest. Among them another balancer chooses.
 */
export class NearestBalancer implements Balancer {
  readonly #region: string | undefined;
  readonly #among: Balancer;

  constructor(region: BalancerSources['region'], among: Balancer) {
    this.#region = region;
    this.#among = among;
  }

  choose(candidates: readonly NodeSnapshot[]): NodeSnapshot {
    if (candidates.length === 1) return candidates[0] as NodeSnapshot;
    const ofRegion = this.#ofRegion(candidates);
    return this.#among.choose(ofRegion.length > 0 ? ofRegion : near(candidates));
  }

  #ofRegion(candidates: readonly NodeSnapshot[]): readonly NodeSnapshot[] {
    const region = this.#region;
    return region === undefined ? [] : candidates.filter((node) => node.region === region);
  }
}

function near(candidates: readonly NodeSnapshot[]): readonly NodeSnapshot[] {
  let shortestMs = Infinity;
  for (const { roundTripMs = Infinity } of candidates) shortestMs = Math.min(shortestMs, roundTripMs);
  return shortestMs === Infinity
    ? candidates
    : candidates.filter(({ roundTripMs = Infinity }) => roundTripMs <= shortestMs + WINDOW_MS);
}
