import type { NodeSnapshot } from '../topology/topology.js';
import type { Balancer, BalancerSources } from './balancer.js';

/** Nodes whose round trip is at most this much longer count as near as the nearest; milliseconds. MongoDB's default, too. */
const WINDOW_MS = 15;

/**
 * Prefers the candidates of the application's own region. If there are none, or the application has no region, it prefers
 * those whose round trip is about as short as the shortest. Another balancer chooses among them.
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
