import { createHash } from 'node:crypto';
import type { Engine } from '../engine/engine.js';
import type { Position } from '../session/position.js';
import type { Topology } from '../topology/topology.js';

/**
 * The positions of nodes, for the result cache. All are unknown before the data source is initialized, and without
 * replicas.
 */
export class NodePositions {
  readonly #engine: Pick<Engine, 'monitor'>;
  /** The last answer of {@link after}, because the history forgets and most sessions ask for the same instant. */
  #last:
    { readonly ms: number; readonly history: number | undefined; readonly position: Position } | undefined;
  #named: { readonly by: string; readonly history: number } | undefined;

  constructor(engine: Pick<Engine, 'monitor'>) {
    this.#engine = engine;
  }

  /** What is known of the nodes; `undefined` while nobody watches them. */
  get topology(): Topology | undefined {
    return this.#engine.monitor?.topology;
  }

  /**
   * Names the history that positions belong to now, in 32 bits; `undefined` while that is unknown. All processes give it the same name,
   * which does not hold for epochs of MySQL and MariaDB. So it goes by the run of the primary: whoever is promoted is another server, or
   * was started again, and so was one that has lost writes in a crash.
   */
  get history(): number | undefined {
    const monitor = this.#engine.monitor;
    const { name, epoch } = monitor?.topology.primary ?? {};
    if (monitor === undefined || name === undefined || epoch === undefined) return undefined;
    const by = monitor.identityOf(name)?.incarnation ?? `epoch ${epoch}`;
    if (this.#named?.by !== by)
      this.#named = { by, history: createHash('sha256').update(by).digest().readUInt32BE() };
    return this.#named.history;
  }

  /** A position that the node has from now on; `undefined` if it does not tell. Never rejects. */
  capture(node: string): Promise<Position | undefined> {
    const position = this.#engine.monitor?.capturePosition(node) ?? Promise.resolve(undefined);
    return position.catch(() => undefined);
  }

  /**
   * A position above everything that any node had shown by `ms`, milliseconds of the monotonic clock; `undefined` if
   * unknown. Never rejects.
   */
  async after(ms: number): Promise<Position | undefined> {
    const monitor = this.#engine.monitor;
    if (monitor === undefined) return undefined;
    const { name } = monitor.topology.primary;
    const { history } = this;
    if (this.#last?.ms === ms && this.#last.history === history) return this.#last.position;
    const position = monitor.primaryPositionAtOrAfter(ms) ?? (await this.capture(name));
    if (position !== undefined) this.#last = { ms, history, position };
    return position;
  }
}
