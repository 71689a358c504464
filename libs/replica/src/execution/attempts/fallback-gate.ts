import type { GateState } from '../../errors/no-replica.error.js';

/** How a {@link FallbackGate} is told to let reads through. */
export type GateLimits = Omit<GateState, 'waiting'>;

/**
 * Lets so many reads at once fall back on the primary. The others wait for their turn, in the order in which they came, for
 * a limited time. Whoever was let in calls what `enter()` gave when it is done, whatever came of it.
 */
export class FallbackGate {
  readonly #limits: GateLimits;
  readonly #queue = new Set<() => void>();
  #inside = 0;

  constructor(limits: GateLimits) {
    this.#limits = limits;
  }

  /** Resolves with how to leave; with `undefined` when no turn came in time. */
  async enter(): Promise<(() => void) | undefined> {
    const { maxConcurrent, queueTimeoutMs } = this.#limits;
    if (this.#inside < maxConcurrent) {
      this.#inside++;
      return this.#leaveOnce();
    }
    if (queueTimeoutMs === 0) return undefined;
    return (await this.#turn(queueTimeoutMs)) ? this.#leaveOnce() : undefined;
  }

  /** How many are inside, and how many wait. */
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

  /** Whoever has waited longest takes the place of who leaves. */
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
