import type { NodeSnapshot } from '../topology/topology.js';

/** The balancers that are built in. */
export const BALANCERS = ['least-busy', 'round-robin', 'random', 'weighted-round-robin', 'nearest'] as const;
export type BalancerName = (typeof BALANCERS)[number];

/** Labels of a node. */
export type TagSet = Readonly<Record<string, string>>;

/** How busy a node is, as seen by this process. */
export interface NodeLoad {
  /** Reads under way on it. */
  readonly inFlight: number;
  /** Moving average of how long a read takes on it, in milliseconds; 0 until one has been measured. */
  readonly latencyMs: number;
}

/** A candidate, as a {@link BalancerFunction} sees it. */
export interface BalancerNode extends NodeLoad {
  readonly name: string;
  /** `host:port`. */
  readonly address: string;
  /** The configured weight, halved while the lag is above `warnLagMs`. */
  readonly weight: number;
  readonly region?: string;
  readonly tags?: TagSet;
  /** Lag at the last probe; milliseconds. */
  readonly lagMs?: number;
  /** How long the last successful probe took; milliseconds. */
  readonly roundTripMs?: number;
}

/**
 * Returns the name of one of the candidates; there is at least one. Any other name is an `InvalidChoiceError`.
 *
 * The library calls it for each read without a session, so it must be quick. An error that it throws rejects the read.
 */
export type BalancerFunction = (nodes: readonly BalancerNode[]) => string;

/** Chooses the replica for a read that belongs to no session. It may keep state, so each data source has its own. */
export interface Balancer {
  /** Returns one of the candidates; there is at least one. */
  choose(candidates: readonly NodeSnapshot[]): NodeSnapshot;
}

/** What balancers need besides the candidates. */
export interface BalancerSources {
  /** The current load of the node with this name. */
  readonly load: (node: string) => NodeLoad;
  /** From 0 to 1, 1 excluded. */
  readonly random: () => number;
  /** Where the application runs. */
  readonly region?: string;
}

/**
 * A replica's share of the reads, relative to the other candidates: its weight, halved while it lags. A weight of 0 counts as
 * 1, because such a replica is a candidate only for reads that ask for it.
 */
export function shareOf({ weight, isLagging }: Pick<NodeSnapshot, 'weight' | 'isLagging'>): number {
  const share = weight > 0 ? weight : 1;
  return isLagging === true ? share / 2 : share;
}
