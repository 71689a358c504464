/** How often something may happen. */
interface Rate {
  /** The average over a longer time. */
  readonly perSecond: number;
  /** How many times at once, after a time without any. */
  readonly burst: number;
}

/**
 * Limits how often something happens. It is a token bucket that stores only the time at which the bucket would be full again.
 *
 * Pure: the caller passes the time, in milliseconds of a monotonic clock.
 */
export class RateLimit {
  readonly #intervalMs: number;
  readonly #burstMs: number;
  /** When the bucket will be full again, given all tokens taken so far. */
  #fullMs = -Infinity;

  constructor({ perSecond, burst }: Rate) {
    this.#intervalMs = 1_000 / perSecond;
    this.#burstMs = burst * this.#intervalMs;
  }

  /** Whether it may happen now. If so, it is counted. */
  take(nowMs: number): boolean {
    const fullMs = Math.max(this.#fullMs, nowMs) + this.#intervalMs;
    if (fullMs > nowMs + this.#burstMs) return false;
    this.#fullMs = fullMs;
    return true;
  }
}
