import type { Position } from '../../session/position.js';
import { inTime } from '../in-time.js';
import type { NodeProbe, ProbeResult } from '../node-probe.js';

/** What has to happen before a node may serve. */
interface JoiningSteps {
  /** Opens connections, so that the first reads find some. Rejects if it cannot. */
  readonly warmUp: () => Promise<void>;
  /** The position that the node must have replayed; `undefined`: any will do. */
  readonly floor: () => Position | undefined;
}

/** The probe of a node that joins a running application. It does not succeed before the node is ready to serve. */
export class JoiningProbe implements NodeProbe {
  readonly #create: () => NodeProbe;
  readonly #steps: JoiningSteps;
  #probe: NodeProbe | undefined;
  #isClosed = false;
  #isWarm = false;
  #warming: Promise<void> | undefined;

  /** `create` is called at the first probe, because a node that is watched already needs no second one. */
  constructor(create: () => NodeProbe, steps: JoiningSteps) {
    this.#create = create;
    this.#steps = steps;
  }

  async probe(timeoutMs: number): Promise<ProbeResult> {
    if (this.#isClosed) throw new Error('the probe is closed');
    this.#probe ??= this.#create();
    const answer = await this.#probe.probe(timeoutMs);
    // A node that accepts writes serves no reads as a replica.
    if (!answer.isReadOnly) return answer;
    const floor = this.#steps.floor();
    if (floor !== undefined && (answer.position ?? 0n) < floor)
      throw new Error('it has to pass what the primary had when replicas were added');
    if (!this.#isWarm) await this.#warmUp(timeoutMs);
    return answer;
  }

  reconnect(): void {
    this.#probe?.reconnect();
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    await this.#probe?.close();
  }

  async #warmUp(timeoutMs: number): Promise<void> {
    this.#warming ??= this.#steps.warmUp().finally(() => (this.#warming = undefined));
    await inTime(this.#warming, timeoutMs, () => {
      throw new Error(`its first connections took over ${timeoutMs} ms`);
    });
    this.#isWarm = true;
  }
}
