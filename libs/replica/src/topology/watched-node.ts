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
  /** From now on the monitor's, which closes it. */
  readonly probe: NodeProbe;
}
