/** Those who wait for something that is to come, and can be told that it will not. */
export class Waiting {
  readonly #rejects = new Set<(error: unknown) => void>();

  /** How many wait. */
  get size(): number {
    return this.#rejects.size;
  }

  /** What comes, or the error of {@link interrupt}, whichever is first. */
  async unlessInterrupted<T>(coming: Promise<T>): Promise<T> {
    let reject: ((error: unknown) => void) | undefined;
    const interrupted = new Promise<never>((_, rejectIt) => (reject = rejectIt));
    this.#rejects.add(reject as (error: unknown) => void);
    try {
      return await Promise.race([coming, interrupted]);
    } finally {
      this.#rejects.delete(reject as (error: unknown) => void);
    }
  }

  /** Tells all who wait now. */
  interrupt(error: unknown): void {
    for (const reject of this.#rejects) reject(error);
  }
}
