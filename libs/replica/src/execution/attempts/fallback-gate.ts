import type { GateState } from '../../errors/no-replica.error.js';

/** The limits of a {@link FallbackGate}. */
type GateLimits = Omit<GateState, 'waiting'>;

/**
 * Limits how many reads fall back on the primary at once. The others wait for their turn in the order of their arrival, for a
 * limited time. Whoever gets a turn must call the function that `enter()` returned when it is done, whether it succeeded or not.
 */
export class FallbackGate {
  readonly #limits: GateLimits;
  readonly #queue = new Set<() => void>();
  #inside = 0;

  constructor(limits: GateLimits) {
    this.#limits = limits;
  }

  /** Resolves with the function that ends the turn, or with `undefined` if no turn came in time. */
  async enter(): Promise<(() => void) | undefined> {
    const { maxConcurrent, queueTimeoutMs } = this.#limits;
    if (this.#inside < maxConcurrent) {
      this.#inside++;
      return this.#leaveOnce();
    }
    if (queueTimeoutMs === 0) return undefined;
    return (await this.#turn(queueTimeoutMs)) ? this.#leaveOnce() : undefined;
  }

  /** How many reads are inside, and how many are waiting. */
  get state(): GateState & { readonly inside: number } {
    return { ...this.#limits, inside: this.#inside, waiting: this.#queue.size };
  }

  #turn(timeoutMs: number): Promise<boolean> {
    return new Promise((resolve) => {
      const admit = (): void => {
        clearTimeout(timer);
        resolve(true);
      };
      const timer = setTimeout(() => {
        this.#queue.delete(admit);
        resolve(false);
      }, timeoutMs);
      this.#queue.add(admit);
    });
  }

  /** When a read leaves, the one that has waited longest takes its place. */
  #leaveOnce(): () => void {
    let isInside = true;
    return () => {
      if (!isInside) return;
      isInside = false;
      const [next] = this.#queue;
      if (next === undefined) {
        this.#inside--;
        return;
      }
      this.#queue.delete(next);
      next();
    };
  }
}
