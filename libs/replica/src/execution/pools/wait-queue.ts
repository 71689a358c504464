import type { ConnectionPool } from '../database.js';

/** Whether whatever waits for a connection to the named node could have one elsewhere at once. */
export type BetterElsewhere = (node: string) => boolean;

/** Callers who wait for something that is to come. They can be told that it will not. */
export class WaitQueue {
  readonly #waiters = new Set<(error: unknown) => void>();
  readonly #onEnd: () => void;

  /** @param onEnd called when somebody stops waiting */
  constructor(onEnd: () => void) {
    this.#onEnd = onEnd;
  }

  get size(): number {
    return this.#waiters.size;
  }

  /** Adds somebody who waits. `tell` is called if the wait is in vain. */
  add(tell: (error: unknown) => void): void {
    this.#waiters.add(tell);
  }

  /** What was waited for has come, or nobody waits for it any more. */
  remove(tell: (error: unknown) => void): void {
    this.#waiters.delete(tell);
    this.#onEnd();
  }

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

  check(): void {
    if (this.#waiters.size === 0 || !this.#isIdle()) return;
    for (const tell of this.#waiters) tell();
    this.#waiters.clear();
  }

  /** Resolves when nothing runs and nothing is about to. */
  async wait(): Promise<void> {
    do {
      if (!this.#isIdle()) await new Promise<void>((resolve) => this.#waiters.add(resolve));
      // Somebody who was just given a connection will hold it in a moment.
      await new Promise((resolve) => setImmediate(resolve));
    } while (!this.#isIdle());
  }
}

/** Counts callers who found no idle connection. */
export class WaitCounts {
  /** How many waited, how long in all (milliseconds), and how many of them got none in time. */
  readonly told = { waits: 0, waitedMs: 0, timeouts: 0 };

  add(waitedMs: number): void {
    this.told.waits++;
    this.told.waitedMs += waitedMs;
  }
}

/** Whether a connection is neither idle nor can be opened at once. */
export function isFull(pool: ConnectionPool): boolean {
  return pool.idle <= pool.waiting && pool.total >= pool.max;
}
