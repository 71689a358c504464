/** How long a run goes on: for its time, or until there is enough. */
export class Course {
  readonly #startMs = performance.now();
  readonly #durationMs: number;
  readonly #isEnough: () => boolean;
  #askedMs = performance.now();
  #isOver = false;

  constructor(durationMs: number, isEnough: () => boolean) {
    this.#durationMs = durationMs;
    this.#isEnough = isEnough;
  }

  get isOver(): boolean {
    const now = performance.now();
    if (!this.#isOver && now - this.#askedMs > 500) {
      this.#askedMs = now;
      this.#isOver = this.#isEnough();
    }
    this.#isOver ||= now - this.#startMs >= this.#durationMs;
    return this.#isOver;
  }

  /** The first half of its time is over. */
  get isHalfOver(): boolean {
    return this.isOver || performance.now() - this.#startMs >= this.#durationMs / 2;
  }
}
