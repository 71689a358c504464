/** How often something happened lately. */
export class RecentCount {
  readonly #withinMs: number;
  readonly #nowMs: () => number;
  #timesMs: number[] = [];

  /** Counts what happened within the last `withinMs` of the clock `nowMs`. */
  constructor(withinMs: number, nowMs: () => number) {
    this.#withinMs = withinMs;
    this.#nowMs = nowMs;
  }

  /** It happened, again. Says how often by now. */
  add(): number {
    const now = this.#nowMs();
    this.#timesMs = [...this.#timesMs.filter((ms) => now - ms < this.#withinMs), now];
    return this.#timesMs.length;
  }
}
