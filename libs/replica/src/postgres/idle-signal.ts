/** Tells when nothing runs any more. */
export class IdleSignal {
  readonly #isIdle: () => boolean;
  readonly #waiters = new Set<() => void>();

  constructor(isIdle: () => boolean) {
    this.#isIdle = isIdle;
  }

  /** Something has ended. */
  check(): void {
    if (this.#waiters.size === 0 || !this.#isIdle()) return;
    for (const tell of this.#waiters) tell();
    this.#waiters.clear();
  }

  /** Resolves when nothing runs, and nothing is about to. */
  async wait(): Promise<void> {
    do {
      if (!this.#isIdle()) await new Promise<void>((resolve) => this.#waiters.add(resolve));
      // Whoever was just given a connection holds it in a moment.
      await new Promise((resolve) => setImmediate(resolve));
    } while (!this.#isIdle());
  }
}
