/** Counts how often something happened lately. */
export class RecentCount {
  readonly #withinMs: number;
  readonly #nowMs: () => number;
  #timesMs: number[] = [];

  /** @param withinMs how far back the count reaches, in milliseconds of the clock `nowMs` */
  constructor(withinMs: number, nowMs: () => number) {
    this.#withinMs = withinMs;
    this.#nowMs = nowMs;
  }

  add(): number {
    const now = this.#nowMs();
    this.#timesMs = [...this.#timesMs.filter((ms) => now - ms < this.#withinMs), now];
    return this.#timesMs.length;
  }
}
