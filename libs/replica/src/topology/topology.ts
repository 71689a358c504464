import type { Position } from '../session/position.js';

/** `primary` takes writes; a `replica` follows it and only answers reads. */
export const NODE_ROLES = ['primary', 'replica'] as const;
export type NodeRole = (typeof NODE_ROLES)[number];

/** `unknown`: not probed yet. `up`: the last probe succeeded. `down`: it failed, or a statement lost its connection. */
export const NODE_HEALTHS = ['unknown', 'up', 'down'] as const;
export type NodeHealth = (typeof NODE_HEALTHS)[number];

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
  /** The primary's own position, or what the replica had replayed, when last probed. */
  readonly position?: Position;
  /**
   * The node shows everything that was committed on the primary by this instant (milliseconds of the monotonic clock
   * `performance.now()`). Absent while nothing is known. Data of this node is at most `now - freshAsOfMs` old, also
   * when probes have stopped: staleness grows with time until a probe says otherwise.
   */
  readonly freshAsOfMs?: number;
  /** Lag in milliseconds when last probed: 0 when it had replayed all that was known of the primary; absent while unknown. */
  readonly lagMs?: number;
  /** How long the last successful probe took, in milliseconds. */
  readonly roundTripMs?: number;
  /** Its share of the reads beside the other replicas'; 0: only reads that ask for it. */
  readonly weight: number;
  /** Where it stands. */
  readonly region?: string;
  readonly tags?: Readonly<Record<string, string>>;
  /** Its lag has reached `warnLagMs`, and has not come back well below: it gets half of its share. */
  readonly isLagging?: boolean;
  /**
   * Its data was older than `maxLagMs`, and has not come back well below: it is taken for older still, so that it does not
   * leave and return with every probe.
   */
  readonly isTooOld?: boolean;
  /**
   * The primary: the epoch that it writes on. A replica: the one that it follows, as far as it can tell; for people.
   */
  readonly epoch?: number;
  /**
   * What a replica's WAL receiver does, in the server's own word (`streaming`, `waiting`, ...); `none`: there is none;
   * `hidden`: there is one, and the monitor's user may not see more (it lacks `pg_read_all_stats`). For people: whether
   * the replica serves is decided by its lag.
   */
  readonly receiver?: string;
  /** It is being taken out: it gets no new reads. */
  readonly isDraining?: boolean;
}

/** A replica of the configuration, to which sessions are tied by their key. */
export interface Home {
  readonly name: string;
  /** As configured: sessions are spread in proportion. */
  readonly weight: number;
}

/** All nodes at one instant. Immutable: replaced whole, with a higher version. */
export interface Topology {
  readonly version: number;
  readonly primary: NodeSnapshot;
  readonly replicas: readonly NodeSnapshot[];
  /** The replicas of the configuration, by which sessions are tied to nodes: they stay the same through promotions. */
  readonly homes: readonly Home[];
  /**
   * The homes before the last changes of the configuration, while sessions may remember what they read there: a session
   * whose home differs among them and `homes` may have read elsewhere. Absent or empty: none.
   */
  readonly formerHomes?: readonly (readonly Home[])[];
}

/** How old this node's data may be at `nowMs`, in milliseconds: an upper bound; infinite while unknown. */
export function stalenessMs(node: NodeSnapshot, nowMs: number): number {
  return node.freshAsOfMs === undefined ? Infinity : Math.max(0, nowMs - node.freshAsOfMs);
}
