import type { ServerIdentity } from './node-probe.js';
import type { NodeHealth, NodeSnapshot, Topology } from './topology.js';

/** A node's health changed. */
export interface HealthChange {
  readonly node: NodeSnapshot;
  readonly before: NodeHealth;
}

/** The set of nodes has changed, or the use of one. */
export interface TopologyChange {
  readonly topology: Topology;
  /** `promotion`: a replica is the primary now. `configuration`: the list of replicas changed. `draining`: a replica began or stopped draining. */
  readonly because: 'promotion' | 'configuration' | 'draining';
  /** Names. A node with a new address was both added and removed. */
  readonly added: readonly string[];
  readonly removed: readonly string[];
}

/** Another server takes the writes. */
export interface PrimaryChange {
  readonly primary: NodeSnapshot;
  /** The former primary. */
  readonly before: NodeSnapshot;
  /** `promotion`: a replica is the primary now. `another-server`: a server with another history answers at the primary's address. */
  readonly because: 'promotion' | 'another-server';
}

/** A node accepts writes although another one is the primary. It gets no statements until it follows. */
export interface PrimaryConflict {
  readonly node: NodeSnapshot;
  /** The node that gets the writes. It is the same node if an older server answers at the primary's own address. */
  readonly primary: NodeSnapshot;
  /** The epochs on which they write. */
  readonly epoch: number | undefined;
  readonly primaryEpoch: number | undefined;
}

/** A server of another database cluster answers at a node's address. It gets no statements. */
export interface ForeignServer {
  readonly node: NodeSnapshot;
  /** The system identifiers of this server and of the primary. */
  readonly system: string | undefined;
  readonly primarySystem: string | undefined;
}

/** The events of a monitor. Each is emitted after the topology has changed. */
export interface MonitorEvents {
  'node:down': [change: HealthChange];
  'node:up': [change: HealthChange];
  'topology:changed': [change: TopologyChange];
  /** A replica's lag has reached `warnLagMs`, so it is `isLagging`. */
  'lag:high': [node: NodeSnapshot];
  /** Its lag is well below that again. */
  'lag:ok': [node: NodeSnapshot];
  'primary:changed': [change: PrimaryChange];
  'primary:conflict': [conflict: PrimaryConflict];
  'node:foreign': [foreign: ForeignServer];
  /** A server answers at a node's address for the first time, or another one than before, or another run of it. */
  'server:changed': [change: { readonly name: string; readonly identity: ServerIdentity | undefined }];
}
