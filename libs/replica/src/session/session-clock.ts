interface SessionClockSources {
  /** How long sessions are remembered; milliseconds. */
  readonly keptMs: number;
  /** Milliseconds since the epoch. Default `Date.now`. */
  readonly wallMs?: () => number;
  /** Milliseconds of the monotonic clock. Default `performance.now`. */
  readonly monotonicMs?: () => number;
}

/** The clocks may differ by this much without a step: they are read one after the other, and one has whole milliseconds. */
const TOLERANCE_MS = 20;

/**
 * The clock for session state that leaves this process, in milliseconds since the epoch.
 *
 * The wall clock may step, because somebody set it or the machine was suspended. A deadline would then pass early, and a
 * session would forget what it has to see before replicas have it. The monotonic clock reveals the step. For as long as
 * sessions are remembered, both times count: deadlines are set by the later one, and are over only by the earlier one.
 */
export class SessionClock {
  readonly #keptMs: number;
  readonly #wallMs: () => number;
  readonly #monotonicMs: () => number;
  /** The least and the most by which the wall clock was ahead of the monotonic one, and when either changed last. */
  #leastMs: number;
  #mostMs: number;
  #steppedMs = -Infinity;

  constructor({
    keptMs,
    wallMs = () => Date.now(),
    monotonicMs = () => performance.now(),
  }: SessionClockSources) {
    this.#keptMs = keptMs;
    this.#wallMs = wallMs;
    this.#monotonicMs = monotonicMs;
    this.#leastMs = this.#mostMs = wallMs() - monotonicMs();
  }

  /** The time by which to decide whether a deadline is over. */
  earliestMs(): number {
    return this.#look() + this.#leastMs;
  }

  /** The time from which to count a deadline. */
  latestMs(): number {
    return this.#look() + this.#mostMs;
  }

  /** Whether the wall clock has stepped within the time for which sessions are remembered. */
  get hasStepped(): boolean {
    return this.#look() - this.#steppedMs <= this.#keptMs;
  }

  #look(): number {
    const nowMs = this.#monotonicMs();
    const aheadMs = this.#wallMs() - nowMs;
    const isStep = aheadMs < this.#leastMs - TOLERANCE_MS || aheadMs > this.#mostMs + TOLERANCE_MS;
    if (isStep) {
      this.#steppedMs = nowMs;
      this.#leastMs = Math.min(this.#leastMs, aheadMs);
      this.#mostMs = Math.max(this.#mostMs, aheadMs);
    } else if (nowMs - this.#steppedMs > this.#keptMs) {
      this.#leastMs = this.#mostMs = aheadMs;
    }
    return nowMs;
  }
}

/** Milliseconds since the epoch by a clock that does not step, for state that never leaves this process. */
export function steadyNowMs(): number {
  return performance.timeOrigin + performance.now();
}
