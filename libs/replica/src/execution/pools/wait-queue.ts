/** Those who wait for something that is to come, and can be told that it will not. */
export class WaitQueue {
  readonly #waiters = new Set<(error: unknown) => void>();
  readonly #onEnd: () => void;

  /** @param onEnd somebody waits no more */
  constructor(onEnd: () => void) {
    this.#onEnd = onEnd;
  }

  /** How many wait. */
  get size(): number {
    return this.#waiters.size;
  }

  /** Somebody waits, and is told by this if it is in vain. */
  add(tell: (error: unknown) => void): void {
    this.#waiters.add(tell);
  }

  /** What was waited for has come, or is not waited for any more. */
  remove(tell: (error: unknown) => void): void {
    this.#waiters.delete(tell);
    this.#onEnd();
  }

  /** Tells all who wait now. */
  interrupt(error: unknown): void {
    for (const tell of this.#waiters) tell(error);
  }
}

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
