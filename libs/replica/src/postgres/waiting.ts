/** Those who wait for something that is to come, and can be told that it will not. */
export class Waiting {
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
