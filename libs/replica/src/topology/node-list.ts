import type { WatchedNode } from './watched-node.js';
import type { NodeSnapshot, Topology } from './topology.js';

/** All nodes as they are known now: an immutable topology, replaced whole at each change. */
export class NodeList {
  readonly #changed: () => void;
  #topology: Topology;

  /** `changed` is called after each change. Throws where none of the nodes is the primary. */
  constructor(nodes: readonly WatchedNode[], changed: () => void) {
    this.#changed = changed;
    const snapshots = nodes.map(snapshotOf);
    const primary = snapshots.find((node) => node.role === 'primary');
    if (primary === undefined) throw new TypeError('a topology needs a primary');
    const replicas = snapshots.filter((node) => node.role === 'replica');
    this.#topology = {
      version: 0,
      primary,
      replicas,
      homes: replicas.map(({ name, weight }) => ({ name, weight })),
    };
  }

  /** What is known now. */
  get topology(): Topology {
    return this.#topology;
  }

  /** What is known of a node; `undefined` when there is none of that name (any more). */
  find(name: string): NodeSnapshot | undefined {
    const { primary, replicas } = this.#topology;
    return name === primary.name ? primary : replicas.find((replica) => replica.name === name);
  }

  /** Puts what is known now of a node in the place of what was. */
  replace(node: NodeSnapshot): void {
    const { primary, replicas } = this.#topology;
    this.#set({
      primary: node.name === primary.name ? node : primary,
      replicas: replicas.map((replica) => (replica.name === node.name ? node : replica)),
    });
  }

  /** Puts what is known now of all replicas in the place of what was. */
  replaceReplicas(newer: (node: NodeSnapshot) => NodeSnapshot): void {
    this.#set({ replicas: this.#topology.replicas.map(newer) });
  }

  /** A replica becomes the primary, and the primary a replica. */
  promote(name: string): void {
    const { primary, replicas } = this.#topology;
    const promoted = replicas.find((replica) => replica.name === name);
    if (promoted === undefined) return;
    this.#set({
      primary: { ...promoted, role: 'primary' },
      replicas: [{ ...primary, role: 'replica' }, ...replicas.filter((replica) => replica !== promoted)],
    });
  }

  #set(newer: Partial<Omit<Topology, 'version'>>): void {
    this.#topology = { ...this.#topology, ...newer, version: this.#topology.version + 1 };
    this.#changed();
  }
}

function snapshotOf({ name, role, address, weight, region, tags }: WatchedNode): NodeSnapshot {
  return { name, role, address, health: 'unknown', weight, region, tags };
}
