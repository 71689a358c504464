import type { NodeProbe } from './node-probe.js';
import type { NodeRole } from './topology.js';

/** A node to watch. */
export interface WatchedNode {
  readonly name: string;
  readonly role: NodeRole;
  /** `host:port`. */
  readonly address: string;
  readonly weight: number;
  readonly region?: string;
  readonly tags?: Readonly<Record<string, string>>;
  /** Belongs to the monitor from now on, which closes it. */
  readonly probe: NodeProbe;
}
