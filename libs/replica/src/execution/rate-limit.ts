/** How often something may happen. */
export interface Rate {
  /** On average, over a longer time. */
  readonly perSecond: number;
  /** At once, after a time in which it did not happen. */
  readonly burst: number;
}

/**
 * Lets something happen only so often: the bucket of tokens, by the time at which it would be full again.
 *
 * Pure: the caller says what time it is, in milliseconds of a monotonic clock.
 */
export class RateLimit {
  readonly #intervalMs: number;
  readonly #burstMs: number;
  /** Where every token that was taken is counted, the bucket is full then. */
  #fullMs = -Infinity;

  constructor({ perSecond, burst }: Rate) {
    this.#intervalMs = 1_000 / perSecond;
    this.#burstMs = burst * this.#intervalMs;
  }

  /** Whether it may happen now; if so that is counted. */
  take(nowMs: number): boolean {
    const fullMs = Math.max(this.#fullMs, nowMs) + this.#intervalMs;
    if (fullMs > nowMs + this.#burstMs) return false;
    this.#fullMs = fullMs;
    return true;
  }
}
