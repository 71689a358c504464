import type {
  NodeProbe,
  ProbeResult,
  ServerIdentity,
  WatchedNode,
} from '../../../libs/replica/src/topology/node-probe.js';

interface ModelNode {
  /** What it has replayed. */
  at: bigint;
  isUp: boolean;
  isPaused: boolean;
  /** One more with each start and each crash; a connection lives as long as that. */
  run: number;
  /** One more with each start. */
  start: number;
  /**
   * `ours`: it follows the primary. `foreign`: a standby of another cluster is at its address. `rival`: it takes writes on the primary's
   * timeline. `of-rival`: it follows one that does, and shows of our history no more than it had then.
   */
  state: 'ours' | 'foreign' | 'rival' | 'of-rival';
}

/** A primary and replicas as far as sessions are concerned: where each is in the write history, and whether it answers. */
export class ModelCluster {
  readonly #random: () => number;
  readonly #replicas = new Map<string, ModelNode>();
  #primaryAt = 1_000n;
  isPrimaryUp = true;

  constructor(replicas: readonly string[], random: () => number) {
    this.#random = random;
    for (const name of replicas)
      this.#replicas.set(name, { at: 1_000n, isUp: true, isPaused: false, run: 0, start: 0, state: 'ours' });
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
      if (node.isPaused || !node.isUp || node.state !== 'ours' || this.#random() < 0.3) continue;
      const behind = Number(this.#primaryAt - node.at);
      node.at += BigInt(Math.ceil(behind * this.#random()));
    }
  }

  /** The node crashes and recovers at once, from where it was a while ago, and replays no more for now. */
  crash(name: string): void {
    const node = this.replica(name);
    node.run++;
    node.at -= BigInt(Math.ceil(20 * this.#random()));
    node.isPaused = true;
  }

  /** Another server takes the node's place, from a backup that is a while old. */
  replace(name: string): void {
    const node = this.replica(name);
    node.run++;
    node.start++;
    node.at -= BigInt(Math.ceil(20 * this.#random()));
  }

  /** Another server is at the node's address from now on; `ours`: one that has followed the primary so far. */
  become(name: string, state: ModelNode['state']): void {
    const node = this.replica(name);
    if (node.state === state) return;
    // Whoever is promoted, or made to follow another server, needs no new start for it.
    if (state === 'foreign' || state === 'ours') node.run++;
    node.state = state;
  }

  /** Which server a connection to the node leads to. */
  identityOf(name: string): ServerIdentity {
    const { run, start, state } = name === 'primary' ? PRIMARY : this.replica(name);
    const startedAt = `${name} ${state === 'foreign' ? run : start}`;
    return {
      system: state === 'foreign' ? 'another' : 'ours',
      startedAt,
      incarnation: `${startedAt}/${run}`,
      uptimeMs: 3_600_000,
      ownAddress: undefined,
    };
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
    return !node.isUp ? undefined : node.state === 'foreign' ? 0n : node.at;
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
        const identity = this.identityOf(name);
        if (name === 'primary') return { identity, isReadOnly: false, position, epoch: 1 };
        return { identity, epoch: 1, ...this.#tellOf(name, position) };
      },
      reconnect: () => undefined,
      close: () => Promise.resolve(),
    };
  }

  /** What a replica tells. Where its data is not of our history, its numbers look as if they were. */
  #tellOf(name: string, position: bigint): Omit<ProbeResult, 'epoch'> {
    const { state } = this.replica(name);
    if (state === 'rival') return { isReadOnly: false, position: this.#primaryAt };
    if (state === 'foreign') return { isReadOnly: true, position: this.#primaryAt };
    if (state === 'ours') return { isReadOnly: true, position, isStreaming: true, sender: 'primary:5432' };
    return { isReadOnly: true, position: this.#primaryAt, isStreaming: true, sender: 'r2:5432' };
  }
}

const PRIMARY = { run: 0, start: 0, state: 'ours' } as const;
