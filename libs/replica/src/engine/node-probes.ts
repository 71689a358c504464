import type { ResolvedNode } from '../options/resolve-nodes.js';
import type { NodeProbe, WatchedNode } from '../topology/node-probe.js';
import type { NodeRole } from '../topology/topology.js';

/** Wraps the probe of a node to learn from what it finds. */
export type Overhear = (node: string, probe: NodeProbe) => NodeProbe;

/**
 * Makes the probes of the nodes. The monitor needs them when it is made. Whoever wants to learn from them needs the
 * monitor, so a listener may be added after both.
 */
export class NodeProbes {
  readonly #create: (node: ResolvedNode) => NodeProbe;
  #overhear: Overhear = (_, probe) => probe;

  constructor(create: (node: ResolvedNode) => NodeProbe) {
    this.#create = create;
  }

  /** From now on `overhear` wraps each probe that is used for the first time. */
  overheardBy(overhear: Overhear): void {
    this.#overhear = overhear;
  }

  of(node: ResolvedNode): NodeProbe {
    const own = this.#create(node);
    let used: NodeProbe | undefined;
    return {
      probe: (timeoutMs) => (used ??= this.#overhear(node.name, own)).probe(timeoutMs),
      reaches: (position, timeoutMs) => own.reaches?.(position, timeoutMs) ?? Promise.resolve(false),
      reconnect: () => (used ?? own).reconnect(),
      close: () => (used ?? own).close(),
    };
  }
}

export function watchedNode(
  { name, address, weight, region, tags, behind }: ResolvedNode,
  role: NodeRole,
  probe: NodeProbe,
): WatchedNode {
  return { name, role, address, weight, region, tags, endpoint: behind?.endpoint, probe };
}
