import type { NodeLoad } from './least-busy.balancer.js';

/** The balancers that are built in. */
export const BALANCERS = ['least-busy', 'round-robin', 'random', 'weighted-round-robin', 'nearest'] as const;
export type BalancerName = (typeof BALANCERS)[number];

/** Labels of a node. */
export type TagSet = Readonly<Record<string, string>>;

/** A replica that may answer, as a balancer sees it. */
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

/** Chooses one of the replicas that may answer (at least one) and gives its name. Called for each read without a session. */
export type Balancer = (nodes: readonly BalancerNode[]) => string;
