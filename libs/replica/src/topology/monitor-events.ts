import type { ServerIdentity } from './server-identity.js';
import type { NodeHealth, NodeSnapshot, Topology } from './topology.js';

/** A node's health changed. */
export interface HealthChange {
  readonly node: NodeSnapshot;
  readonly before: NodeHealth;
}

/** Which nodes there are, or what they are for, has changed. */
export interface TopologyChange {
  readonly topology: Topology;
  /** `promotion`: a replica is the primary now; `configuration`: another list of replicas; `draining`: of one of them. */
  readonly because: 'promotion' | 'configuration' | 'draining';
  /** Names. A node at another address was added and removed. */
  readonly added: readonly string[];
  readonly removed: readonly string[];
}

/** Another server takes the writes. */
export interface PrimaryChange {
  readonly primary: NodeSnapshot;
  /** What the primary was before. */
  readonly before: NodeSnapshot;
  /** `promotion`: a replica is the primary now; `another-server`: behind the same address answers another history. */
  readonly because: 'promotion' | 'another-server';
}

/** A node accepts writes and must not: it gets nothing until it follows. */
export interface PrimaryConflict {
  readonly node: NodeSnapshot;
  /** Who gets the writes; the node itself where an older server than before answers behind the primary's address. */
  readonly primary: NodeSnapshot;
  /** Which epochs they write on. */
  readonly epoch: number | undefined;
  readonly primaryEpoch: number | undefined;
}

/** At a node's address answers a server of another database cluster: it gets nothing. */
export interface ForeignServer {
  readonly node: NodeSnapshot;
  /** The system identifier that it told, and that of the primary. */
  readonly system: string | undefined;
  readonly primarySystem: string | undefined;
}

/** At a node's address answers another server than before, another run of it, or one for the first time. */
export interface ServerChange {
  /** The node's. */
  readonly name: string;
  /** `undefined`: it does not tell. */
  readonly identity: ServerIdentity | undefined;
}

/** What a monitor tells, each after the topology has changed. */
export interface MonitorEvents {
  'node:down': [change: HealthChange];
  'node:up': [change: HealthChange];
  'topology:changed': [change: TopologyChange];
  /** A replica's lag has reached `warnLagMs`; then it is `isLagging`. */
  'lag:high': [node: NodeSnapshot];
  /** It is well below that again. */
  'lag:ok': [node: NodeSnapshot];
  'primary:changed': [change: PrimaryChange];
  'primary:conflict': [conflict: PrimaryConflict];
  'node:foreign': [foreign: ForeignServer];
  'server:changed': [change: ServerChange];
}
