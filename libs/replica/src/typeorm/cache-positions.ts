import type { Engine } from '../engine/engine.js';
import type { Position } from '../session/position.js';
import type { Topology } from '../topology/topology.js';

/** What the result cache asks about positions. Before the data source is initialized, and without replicas, all is unknown. */
export class CachePositions {
  readonly #engine: Pick<Engine, 'monitor'>;
  /** The last answer of {@link after}: the history forgets, and most sessions ask for the same instant. */
  #last:
    { readonly ms: number; readonly timeline: number | undefined; readonly position: Position } | undefined;

  constructor(engine: Pick<Engine, 'monitor'>) {
    this.#engine = engine;
  }

  /** What is known of the nodes; `undefined` while nobody watches them. */
  get topology(): Topology | undefined {
    return this.#engine.monitor?.topology;
  }

  /** Where the node stands from now on at the latest; `undefined`: it does not tell. Never rejects. */
  capture(node: string): Promise<Position | undefined> {
    const position = this.#engine.monitor?.capturePosition(node) ?? Promise.resolve(undefined);
    return position.catch(() => undefined);
  }

  /** Above all that any node has shown by `ms`, milliseconds of the monotonic clock; `undefined`: unknown. Never rejects. */
  async after(ms: number): Promise<Position | undefined> {
    const monitor = this.#engine.monitor;
    if (monitor === undefined) return undefined;
    const { name, epoch: timeline } = monitor.topology.primary;
    if (this.#last?.ms === ms && this.#last.timeline === timeline) return this.#last.position;
    const position = monitor.primaryPositionAtOrAfter(ms) ?? (await this.capture(name));
    if (position !== undefined) this.#last = { ms, timeline, position };
    return position;
  }
}
