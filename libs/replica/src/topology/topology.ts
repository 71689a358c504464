import type { Position } from '../session/position.js';

/** A `primary` takes writes. A `replica` follows it and only answers reads. */
export type NodeRole = 'primary' | 'replica';

/** `unknown`: not probed yet. `up`: the last probe succeeded. `down`: it failed, or a statement got no connection. */
export type NodeHealth = 'unknown' | 'up' | 'down';

/** What is known of one node at one instant. Immutable. */
export interface NodeSnapshot {
  /** Unique within the topology. */
  readonly name: string;
  readonly role: NodeRole;
  /** `host:port`, for people; never a credential. */
  readonly address: string;
  readonly health: NodeHealth;
  /** Why it is not up; never a credential. */
  readonly problem?: string;
  /** The primary's own position, or the one that the replica had replayed, at the last probe. */
  readonly position?: Position;
  /**
   * The node shows everything that was committed on the primary by this instant (milliseconds of the monotonic clock
   * `performance.now()`). So its data is at most `now - freshAsOfMs` old. That grows with time until a probe says otherwise,
   * even if probes have stopped. Absent while nothing is known.
   */
  readonly freshAsOfMs?: number;
  /** Lag at the last probe, in milliseconds; 0: it had replayed all that was known of the primary. Absent while unknown. */
  readonly lagMs?: number;
  /** How long the last successful probe took, in milliseconds. */
  readonly roundTripMs?: number;
  /** Its share of the reads, relative to the other replicas; 0: only reads that ask for it. */
  readonly weight: number;
  /** The region where it runs. */
  readonly region?: string;
  readonly tags?: Readonly<Record<string, string>>;
  /** The name of the endpoint behind which it was found. Such a node is never promoted, because connections may cease to lead there. */
  readonly endpoint?: string;
  /** Its lag has reached `warnLagMs` and is not well below that again, so it gets half of its share. */
  readonly isLagging?: boolean;
  /**
   * Its data was older than `maxLagMs` and is not well below that again. It still counts as too old, so that it does not leave and
   * return with every probe.
   */
  readonly isTooOld?: boolean;
  /** The epoch on which a primary writes, or which a replica receives, as far as it can tell: see `ProbeResult.epoch`. For people. */
  readonly epoch?: number;
  /**
   * What a replica's receiver does, in the server's own word; `none`: there is no receiver; `hidden`: there is one, but the
   * monitor's user may not see more. For people only: the lag decides whether the replica serves.
   */
  readonly receiver?: string;
  /** It is being drained, so it gets no new reads. */
  readonly isDraining?: boolean;
}

/** A configured replica, as a home of sessions: the key ties each session to one of them. */
export interface Home {
  readonly name: string;
  /** The configured weight. Sessions are spread in proportion. */
  readonly weight: number;
}

/** All nodes at one instant. Immutable: each change replaces it as a whole, with a higher version. */
export interface Topology {
  readonly version: number;
  readonly primary: NodeSnapshot;
  readonly replicas: readonly NodeSnapshot[];
  /** The configured replicas, which sessions are tied to. A promotion does not change them. */
  readonly homes: readonly Home[];
  /**
   * The homes before the last changes of the configuration, for as long as sessions may remember what they read there. A session
   * with another home in one of these lists than in `homes` may have read elsewhere. Absent or empty: none.
   */
  readonly formerHomes?: readonly (readonly Home[])[];
}

/** An upper bound for the age of the node's data at `nowMs`, in milliseconds; infinite while unknown. */
export function stalenessMs(node: NodeSnapshot, nowMs: number): number {
  return node.freshAsOfMs === undefined ? Infinity : Math.max(0, nowMs - node.freshAsOfMs);
}
