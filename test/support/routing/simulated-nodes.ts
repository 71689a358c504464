import type { Balancer, NodeLoad } from '../../../libs/replica/src/routing/balancer.js';
import type { NodeSnapshot } from '../../../libs/replica/src/topology/topology.js';

/** How much a new measurement counts in the moving average; as in the nodes' pools. */
const LATENCY_WEIGHT = 0.2;

/** Reads that come one after the other, as {@link SimulatedNodes} get them. */
export interface SimulatedReads {
  readonly count: number;
  /** From one to the next; milliseconds. */
  readonly everyMs: number;
  /** How long the nth read takes on a node; milliseconds. */
  readonly serviceMs: (node: string, read: number) => number;
}

interface State {
  inFlight: number;
  latencyMs: number;
}

/** The load of nodes, as their pools measure it, and reads under way on a clock of its own. */
export class SimulatedNodes {
  readonly load = (name: string): NodeLoad => this.#stateOf(name);
  readonly #states = new Map<string, State>();
  /** The reads under way, the first to be answered first. */
  #underWay: { readonly node: string; readonly tookMs: number; readonly endsMs: number }[] = [];
  #nowMs = 0;

  /** Sends reads where the balancer says; gives how many of them each node got. */
  run(
    balancer: Balancer,
    candidates: readonly NodeSnapshot[],
    { count, everyMs, serviceMs }: SimulatedReads,
  ): Record<string, number> {
    const counts = Object.fromEntries(candidates.map(({ name }) => [name, 0]));
    for (let read = 0; read < count; read++) {
      this.#nowMs += everyMs;
      this.#answer();
      const { name } = balancer.choose(candidates);
      counts[name] = (counts[name] ?? 0) + 1;
      const tookMs = serviceMs(name, read);
      this.#stateOf(name).inFlight++;
      this.#underWay.push({ node: name, tookMs, endsMs: this.#nowMs + tookMs });
    }
    return counts;
  }

  #answer(): void {
    const ended = this.#underWay
      .filter(({ endsMs }) => endsMs <= this.#nowMs)
      .toSorted((a, b) => a.endsMs - b.endsMs);
    this.#underWay = this.#underWay.filter(({ endsMs }) => endsMs > this.#nowMs);
    for (const { node, tookMs } of ended) {
      const state = this.#stateOf(node);
      state.inFlight--;
      state.latencyMs += state.latencyMs === 0 ? tookMs : LATENCY_WEIGHT * (tookMs - state.latencyMs);
    }
  }

  #stateOf(name: string): State {
    const state = this.#states.get(name) ?? { inFlight: 0, latencyMs: 0 };
    this.#states.set(name, state);
    return state;
  }
}
