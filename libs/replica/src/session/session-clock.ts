/** What a {@link SessionClock} takes from outside. */
export interface SessionClockSources {
  /** How long sessions are remembered; milliseconds. */
  readonly keptMs: number;
  /** Milliseconds since the epoch. Default `Date.now`. */
  readonly wallMs?: () => number;
  /** Milliseconds of the monotonic clock. Default `performance.now`. */
  readonly monotonicMs?: () => number;
}

/** The two clocks may go apart by so much without a step: both are read one after the other, and one is whole milliseconds. */
const TOLERANCE_MS = 20;

/**
 * The time for what is kept of sessions beyond this process, in milliseconds since the epoch. The wall clock may step, because a
 * machine was suspended or its clock was set, and then what a session has to see would be forgotten while replicas do not have it
 * yet. So a step is noticed by the monotonic clock, and for as long as sessions are remembered both times count: that of before
 * and that of after. Deadlines are set by the later one, and are over only when they are so by the earlier one.
 */
export class SessionClock {
  readonly #keptMs: number;
  readonly #wallMs: () => number;
  readonly #monotonicMs: () => number;
  /** The least and the most that the wall clock was ahead of the other one, and when these changed last. */
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

  /** By this time a deadline is over. */
  earliestMs(): number {
    return this.#look() + this.#leastMs;
  }

  /** From this time on a deadline is counted. */
  latestMs(): number {
    return this.#look() + this.#mostMs;
  }

  /** The wall clock has stepped, no longer ago than sessions are remembered. */
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

/** Milliseconds since the epoch by a clock that does not step: for what only this process keeps. */
export function steadyNowMs(): number {
  return performance.timeOrigin + performance.now();
}
