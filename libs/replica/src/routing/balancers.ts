import { InvalidChoiceError } from '../errors/invalid-choice.error.js';
import type { NodeSnapshot } from '../topology/topology.js';
import {
  shareOf,
  type Balancer,
  type BalancerFunction,
  type BalancerName,
  type BalancerSources,
} from './balancer.js';

/** A new balancer for a value of the option `balancer`. */
export function createBalancer(option: BalancerName | BalancerFunction, sources: BalancerSources): Balancer {
  return typeof option === 'function' ? chosenBy(option, sources) : BUILT_IN[option](sources);
}

const BUILT_IN: Readonly<Record<BalancerName, (sources: BalancerSources) => Balancer>> = {
  'least-busy': leastBusy,
  'round-robin': roundRobin,
  random: atRandom,
  'weighted-round-robin': weightedRoundRobin,
  nearest,
};

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
function leastBusy({ load, random }: BalancerSources): Balancer {
  const costOf = (node: NodeSnapshot): number => {
    const { inFlight, latencyMs } = load(node.name);
    return ((inFlight + 1) * Math.max(latencyMs, SHORTEST_MS)) / shareOf(node);
  };
  return {
    choose(candidates) {
      const count = candidates.length;
      const firstIndex = drawByShare(candidates, random);
      const first = candidates[firstIndex] as NodeSnapshot;
      if (count === 1) return first;
      const step = count === 2 ? 1 : 1 + Math.floor(random() * (count - 1));
      const second = candidates[(firstIndex + step) % count] as NodeSnapshot;
      const firstCost = costOf(first);
      const secondCost = costOf(second);
      return random() * (firstCost + secondCost) < secondCost ? first : second;
    },
  };
}

/** Draws any of the candidates, in proportion to their shares. */
function atRandom({ random }: BalancerSources): Balancer {
  return { choose: (candidates) => candidates[drawByShare(candidates, random)] as NodeSnapshot };
}

/** Draws the index of a candidate, in proportion to the shares. */
function drawByShare(candidates: readonly NodeSnapshot[], random: () => number): number {
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

/** Discovery may find nodes with new names forever, so the memory of names is bounded. */
const MOST_NAMES = 1_000;

/** Takes the candidate whose turn is longest ago, whatever its weight. That is fair even if reads have different candidates. */
function roundRobin(): Balancer {
  const turns = new Map<string, number>();
  let turn = 0;
  return {
    choose(candidates) {
      let next = candidates[0] as NodeSnapshot;
      let nextTurn = Infinity;
      for (const node of candidates) {
        const lastTurn = turns.get(node.name) ?? 0;
        if (lastTurn >= nextTurn) continue;
        next = node;
        nextTurn = lastTurn;
      }
      if (turns.size > MOST_NAMES) turns.clear();
      turns.set(next.name, ++turn);
      return next;
    },
  };
}

/**
 * Gives turns in proportion to the weights, evenly interleaved, with the algorithm of nginx: each candidate is credited its
 * weight, the one with the most credit gets the turn, and it pays the sum of all credits. Weights 5, 1, 1 give a a b a c a a.
 */
function weightedRoundRobin(): Balancer {
  const credits = new Map<string, number>();
  return {
    choose(candidates) {
      let next = candidates[0] as NodeSnapshot;
      let most = -Infinity;
      let total = 0;
      if (credits.size > MOST_NAMES) credits.clear();
      for (const node of candidates) {
        const share = shareOf(node);
        const credit = (credits.get(node.name) ?? 0) + share;
        credits.set(node.name, credit);
        total += share;
        if (credit <= most) continue;
        next = node;
        most = credit;
      }
      credits.set(next.name, most - total);
      return next;
    },
  };
}

/** Nodes whose round trip is at most this much longer count as near as the nearest; milliseconds. MongoDB's default, too. */
const WINDOW_MS = 15;

/**
 * Prefers the candidates of the application's own region. If there are none, or the application has no region, it prefers
 * those whose round trip is about as short as the shortest. Among them it takes the least busy.
 */
function nearest(sources: BalancerSources): Balancer {
  const { region } = sources;
  const among = leastBusy(sources);
  return {
    choose(candidates) {
      if (candidates.length === 1) return candidates[0] as NodeSnapshot;
      const ofRegion = region === undefined ? [] : candidates.filter((node) => node.region === region);
      return among.choose(ofRegion.length > 0 ? ofRegion : nearestOf(candidates));
    },
  };
}

function nearestOf(candidates: readonly NodeSnapshot[]): readonly NodeSnapshot[] {
  let shortestMs = Infinity;
  for (const { roundTripMs = Infinity } of candidates) shortestMs = Math.min(shortestMs, roundTripMs);
  return shortestMs === Infinity
    ? candidates
    : candidates.filter(({ roundTripMs = Infinity }) => roundTripMs <= shortestMs + WINDOW_MS);
}

/** Lets a function of the user's choose. Throws an `InvalidChoiceError` if it names none of the candidates. */
function chosenBy(choose: BalancerFunction, { load }: BalancerSources): Balancer {
  return {
    choose(candidates) {
      const shown = candidates.map((node) => {
        const { name, address, region, tags, lagMs, roundTripMs } = node;
        return { name, address, weight: shareOf(node), region, tags, lagMs, roundTripMs, ...load(name) };
      });
      const name: unknown = choose(shown);
      const chosen = candidates.find((node) => node.name === name);
      if (chosen !== undefined) return chosen;
      const names = candidates.map((node) => node.name);
      throw new InvalidChoiceError('balancer', name, names);
    },
  };
}
