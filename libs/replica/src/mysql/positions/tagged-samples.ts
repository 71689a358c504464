import type { Position } from '../../session/position.js';
import type { GtidSet } from './gtid-set.js';

/** So many samples are kept, besides those at which replicas stand. */
const MAX_SAMPLES = 64;
/**
 * How long samples do not count after the primary's first tag was seen; milliseconds. For as long as a process does not know of it, it takes
 * the position of a write from the write's number, which may be too low by then.
 */
const SETTLE_MS = 5_000;

interface Sample {
  readonly executed: GtidSet;
  /** The number of samples that had been taken when a replica was last found to stand here. */
  lastMatch: number;
}

/**
 * What one primary had at several times, for a primary whose transactions have tags. Each tag has numbers of its own, so nothing tells in
 * which order transactions of two tags were made. But what the primary had earlier is within what it has now, so a replica has reached the
 * newest sample that it has the whole of. All processes count the same for such a sample.
 */
export class TaggedSamples {
  /** From the oldest to the newest. */
  #samples: Sample[] = [];
  #taken = 0;
  readonly #nowMs: () => number;
  readonly #countsFromMs: number;

  /** @param isFirstTag whether the primary had no tag when it was asked before */
  constructor(isFirstTag: boolean, nowMs: () => number = () => performance.now()) {
    this.#nowMs = nowMs;
    this.#countsFromMs = isFirstTag ? nowMs() + SETTLE_MS : -Infinity;
  }

  /** The primary has these transactions now. */
  add(executed: GtidSet): void {
    if (this.#nowMs() < this.#countsFromMs) return;
    this.#taken += 1;
    // What was being committed may have been rolled back.
    while (this.#newest?.executed.isWithin(executed) === false) this.#samples.pop();
    if (this.#newest?.executed.size === executed.size) return;
    this.#samples.push({ executed, lastMatch: -Infinity });
    if (this.#samples.length > MAX_SAMPLES) this.#thinOut();
  }

  /** A position that a replica with these transactions has reached. */
  positionOf(executed: GtidSet): Position {
    let [low, high] = [0, this.#samples.length];
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.#samples[middle]!.executed.isWithin(executed)) low = middle + 1;
      else high = middle;
    }
    const reached = this.#samples[low - 1];
    if (reached === undefined) return 0n;
    reached.lastMatch = this.#taken;
    return reached.executed.size;
  }

  get #newest(): Sample | undefined {
    return this.#samples.at(-1);
  }

  /** Drops every second one of the older half. A replica must not go back because the sample at which it stands is gone. */
  #thinOut(): void {
    let isKept = false;
    this.#samples = this.#samples.filter(({ lastMatch }, index) => {
      if (index >= MAX_SAMPLES / 2 || this.#taken - lastMatch < MAX_SAMPLES) return true;
      isKept = !isKept;
      return isKept;
    });
  }
}
