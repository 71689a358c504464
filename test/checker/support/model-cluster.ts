import type { NodeProbe, ProbeResult } from '../../../libs/replica/src/topology/node-probe.js';
import type { WatchedNode } from '../../../libs/replica/src/topology/watched-node.js';

interface ModelNode {
  /** What it has replayed. */
  at: bigint;
  isUp: boolean;
  isPaused: boolean;
}

/** A primary and replicas as far as sessions are concerned: where each is in the write history, and whether it answers. */
export class ModelCluster {
  readonly #random: () => number;
  readonly #replicas = new Map<string, ModelNode>();
  #primaryAt = 1_000n;
  isPrimaryUp = true;

  constructor(replicas: readonly string[], random: () => number) {
    this.#random = random;
    for (const name of replicas) this.#replicas.set(name, { at: 1_000n, isUp: true, isPaused: false });
  }

  replica(name: string): ModelNode {
    const node = this.#replicas.get(name);
    if (node === undefined) throw new RangeError(`there is no replica ${name}`);
    return node;
  }

  /** Somebody writes, and replicas replay some of what there is. */
  advance(): void {
    if (this.isPrimaryUp && this.#random() < 0.5) this.#primaryAt++;
    for (const node of this.#replicas.values()) {
      if (node.isPaused || !node.isUp || this.#random() < 0.3) continue;
      const behind = Number(this.#primaryAt - node.at);
      node.at += BigInt(Math.ceil(behind * this.#random()));
    }
  }

  /** The position of a new write; throws while the primary is down. */
  write(): bigint {
    if (!this.isPrimaryUp) throw new Error('the primary is down');
    return ++this.#primaryAt;
  }

  /** How far the data goes that a read on the node shows now; `undefined`: it does not answer. */
  read(name: string): bigint | undefined {
    if (name === 'primary') return this.isPrimaryUp ? this.#primaryAt : undefined;
    const node = this.replica(name);
    return node.isUp ? node.at : undefined;
  }

  /** The node as a monitor watches it; r1 and r3 stand in region `eu`, the others in `us`. */
  watched(name: string, weight = 1): WatchedNode {
    const role = name === 'primary' ? 'primary' : 'replica';
    const region = ['r1', 'r3'].includes(name) ? 'eu' : 'us';
    return { name, role, address: `${name}:5432`, weight, region, probe: this.#probe(name) };
  }

  #probe(name: string): NodeProbe {
    return {
      probe: async (): Promise<ProbeResult> => {
        await new Promise((resolve) => setTimeout(resolve, 1 + 4 * this.#random()));
        const position = this.read(name);
        if (position === undefined) throw new Error(`${name} is down`);
        return { inRecovery: name !== 'primary', position, timeline: 1 };
      },
      reconnect: () => undefined,
      close: () => Promise.resolve(),
    };
  }
}
