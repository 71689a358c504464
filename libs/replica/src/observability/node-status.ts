import type { Position } from '../session/position.js';
import type { NodeSnapshot, Topology } from '../topology/topology.js';

/** A node as an operator wants to see it. It can be turned into JSON. */
export interface NodeStatus {
  readonly name: string;
  readonly role: 'primary' | 'replica';
  /** `host:port`. */
  readonly address: string;
  readonly health: 'unknown' | 'up' | 'down';
  /** Why it is not up; `null` when it is. */
  readonly problem: string | null;
  /** Its position, as its database writes positions; `null` while unknown. */
  readonly position: string | null;
  /** The timeline that it writes on, or follows as far as it can tell; `null` while unknown. */
  readonly timeline: number | null;
  /**
   * What a replica's receiver does, in the server's own word: `streaming`, `waiting` and so on; `none` if there is no
   * receiver; `hidden` if the user lacks `pg_read_all_stats`; `null` while unknown, and for the primary.
   */
  readonly receiver: string | null;
  /** How far its data is behind the primary, in whole milliseconds; `null` while unknown. */
  readonly lagMs: number | null;
  /** How long the last probe took, in milliseconds; `null` while unknown. */
  readonly roundTripMs: number | null;
  /** Its share of the reads, relative to the other replicas. */
  readonly weight: number;
  /** Its region; `null` if none was given. */
  readonly region: string | null;
  readonly tags: Readonly<Record<string, string>>;
  /** Its lag has reached `warnLagMs`, so it gets half of its share. */
  readonly isLagging: boolean;
  /** Its lag was above `maxLagMs` and is not yet well below: it serves only for `minServing`. */
  readonly isTooOld: boolean;
  /** It is being taken out: it gets no new reads. */
  readonly isDraining: boolean;
}

/**
 * All nodes at one instant, as an operator wants to see them. Each call makes a new object, so you can keep and
 * compare them.
 */
export interface TopologyStatus {
  /**
   * Grows with everything that is learned of any node, so with each probe. Of two statuses the one with the higher
   * version is newer.
   */
  readonly version: number;
  readonly primary: NodeStatus;
  readonly replicas: readonly NodeStatus[];
}

/** The database whose positions statuses show. */
export interface PositionFormat {
  formatPosition(position: Position): string;
}

export function topologyStatusOf(
  { version, primary, replicas }: Topology,
  format: PositionFormat,
): TopologyStatus {
  return {
    version,
    primary: nodeStatusOf(primary, format),
    replicas: replicas.map((replica) => nodeStatusOf(replica, format)),
  };
}

export function nodeStatusOf(node: NodeSnapshot, format: PositionFormat): NodeStatus {
  return {
    name: node.name,
    role: node.role,
    address: node.address,
    health: node.health,
    problem: node.problem ?? null,
    position: node.position === undefined ? null : format.formatPosition(node.position),
    timeline: node.epoch ?? null,
    receiver: node.receiver ?? null,
    lagMs: node.lagMs === undefined ? null : Math.round(node.lagMs),
    roundTripMs: node.roundTripMs ?? null,
    weight: node.weight,
    region: node.region ?? null,
    tags: { ...node.tags },
    isLagging: node.isLagging ?? false,
    isTooOld: node.isTooOld ?? false,
    isDraining: node.isDraining ?? false,
  };
}
