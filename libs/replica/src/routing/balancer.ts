import type { NodeSnapshot } from '../topology/topology.js';

/** The balancers that are built in. */
export const BALANCERS = ['least-busy', 'round-robin', 'random', 'weighted-round-robin', 'nearest'] as const;
export type BalancerName = (typeof BALANCERS)[number];

/** Labels of a node. */
export type TagSet = Readonly<Record<string, string>>;

/** How busy a node is, as this process sees it. */
export interface NodeLoad {
  /** Reads under way on it. */
  readonly inFlight: number;
  /** Moving average of the time that a read takes on it, in milliseconds; 0 while none has been measured. */
  readonly latencyMs: number;
}

/** A replica that may answer, as a {@link BalancerFunction} sees it. */
export interface BalancerNode extends NodeLoad {
  readonly name: string;
  /** `host:port`. */
  readonly address: string;
  /** As configured, halved while its lag is above `warnLagMs`. */
  readonly weight: number;
  readonly region?: string;
  readonly tags?: TagSet;
  /** When last probed; milliseconds. */
  readonly lagMs?: number;
  /** How long the last successful probe took; milliseconds. */
  readonly roundTripMs?: number;
}

/**
 * Chooses one of the replicas that may answer (at least one) and gives its name; any other is an `InvalidChoiceError`.
 * Called for each read without a session: it must be quick. What it throws goes to whoever reads.
 */
export type BalancerFunction = (nodes: readonly BalancerNode[]) => string;

/** Chooses the replica of a read that belongs to no session. May keep state, so each data source has its own. */
export interface Balancer {
  /** One of the candidates, of which there is at least one. */
  choose(candidates: readonly NodeSnapshot[]): NodeSnapshot;
}

/** What balancers rest on beside the candidates. */
export interface BalancerSources {
  /** A node's load now, by its name. */
  readonly load: (node: string) => NodeLoad;
  /** From 0 up to 1. */
  readonly random: () => number;
  /** Where the application runs. */
  readonly region?: string;
}

/**
 * A replica's share of the reads beside others'. Half of its weight while it lags. A weight of 0 counts as 1: it is among
 * the candidates of those reads only that ask for it.
 */
export function shareOf({ weight, isLagging }: Pick<NodeSnapshot, 'weight' | 'isLagging'>): number {
  const share = weight > 0 ? weight : 1;
  return isLagging === true ? share / 2 : share;
}
