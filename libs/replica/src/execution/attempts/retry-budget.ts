/** The limits of a {@link RetryBudget}. */
export interface RetryLimits {
  /** Extra attempts, as a share of the reads in the window; from 0 to 1. */
  readonly ratio: number;
  /** Extra attempts each second whatever the load; from 0. */
  readonly minPerSecond: number;
}

/** The window slides in steps of this length, in milliseconds. */
const PART_MS = 1_000;
const PARTS = 10;

/**
 * Limits how many reads may be tried again, so that a cluster in trouble gets no more load than a healthy one. Within any ten
 * seconds it allows a share of the reads, and some more for quiet times. It works like Finagle's `RetryBudget`, but without
 * debts: https://twitter.github.io/finagle/guide/Clients.html#retries
 *
 * Pure: the caller passes the time, in milliseconds of a monotonic clock.
 */
export class RetryBudget {
  readonly #limits: RetryLimits;
  readonly #reads = Array.from({ length: PARTS }, () => 0);
  readonly #retries = Array.from({ length: PARTS }, () => 0);
  /** The number of the part that was last written to. */
  #part = -Infinity;

  constructor(limits: RetryLimits) {
    this.#limits = limits;
  }

  /** A read arrived. Its first attempt is free, and adds to what others may spend. */
  deposit(nowMs: number): void {
    const index = this.#slideTo(nowMs);
    this.#reads[index] = (this.#reads[index] as number) + 1;
  }

  /** Whether a read may be tried once more. If so, the attempt is counted. */
  withdraw(nowMs: number): boolean {
    const index = this.#slideTo(nowMs);
    const { ratio, minPerSecond } = this.#limits;
    const allowed = ratio * sum(this.#reads) + minPerSecond * ((PARTS * PART_MS) / 1_000);
    if (sum(this.#retries) + 1 > allowed) return false;
    this.#retries[index] = (this.#retries[index] as number) + 1;
    return true;
  }

  /** Empties the parts that have left the window. Returns the index of the current part. */
  #slideTo(nowMs: number): number {
    const part = Math.floor(nowMs / PART_MS);
    for (let old = Math.max(this.#part + 1, part - PARTS + 1); old <= part; old++) {
      const index = indexOf(old);
      this.#reads[index] = 0;
      this.#retries[index] = 0;
    }
    this.#part = Math.max(this.#part, part);
    return indexOf(this.#part);
  }
}

function indexOf(part: number): number {
  return ((part % PARTS) + PARTS) % PARTS;
}

function sum(parts: readonly number[]): number {
  let total = 0;
  for (const part of parts) total += part;
  return total;
}
