/** How many buckets there are for durations from one power of two to the next. */
const PER_OCTAVE = 4;
const BITS = Math.log2(PER_OCTAVE);
/** Durations are counted in microseconds of 31 bits; longer ones (35 minutes) count as the longest. */
const LONGEST = 2 ** 31 - 1;
const BUCKETS = PER_OCTAVE * (32 - BITS);

/**
 * Durations in buckets that grow with the duration, so that a small fixed memory tells percentiles with a relative error of an eighth at
 * most, from microseconds to minutes.
 */
export class DurationHistogram {
  readonly #counts = new Uint32Array(BUCKETS);
  #total = 0;

  add(ms: number): void {
    const micros = Math.min(LONGEST, Math.max(0, ms * 1_000)) | 0;
    const octave = 31 - BITS - Math.clz32(micros | PER_OCTAVE);
    const bucket = octave * PER_OCTAVE + (micros >> octave);
    this.#counts[bucket] = (this.#counts[bucket] ?? 0) + 1;
    this.#total++;
  }

  copy(): DurationHistogram {
    return this.since(new DurationHistogram());
  }

  /** What was added after `before`, which is a copy of this one. */
  since(before: DurationHistogram): DurationHistogram {
    const added = new DurationHistogram();
    for (const [bucket, count] of this.#counts.entries())
      added.#counts[bucket] = count - (before.#counts[bucket] ?? 0);
    added.#total = this.#total - before.#total;
    return added;
  }

  /** The duration, in milliseconds, that a `share` (0 to 1) of all durations did not exceed; 0 if there is none. */
  percentile(share: number): number {
    let left = Math.ceil(share * this.#total);
    for (const [bucket, count] of this.#counts.entries()) {
      left -= count;
      if (left <= 0 && count > 0) return middleOf(bucket) / 1_000;
    }
    return 0;
  }
}

/** The middle of a bucket, in microseconds. */
function middleOf(bucket: number): number {
  if (bucket < 2 * PER_OCTAVE) return bucket;
  const octave = Math.floor(bucket / PER_OCTAVE) - 1;
  const start = (bucket - octave * PER_OCTAVE) * 2 ** octave;
  return start + 2 ** octave / 2;
}
