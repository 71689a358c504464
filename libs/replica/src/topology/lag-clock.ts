import type { Position } from '../session/position.js';

interface Sample {
  /** The primary was at `position` at this instant or later, in milliseconds of the monotonic clock. */
  atMs: number;
  position: Position;
}

/** Closer samples are merged in the direction that makes replicas look older, never fresher; milliseconds. */
const RESOLUTION_MS = 25;
/** At the resolution above, about seven minutes of a busy primary. An idle primary needs only one sample. */
const MAX_SAMPLES = 16_384;

/**
 * The history of the primary's positions, from which lag is read. If a replica has replayed a position that the primary had at
 * some instant, it shows everything that was committed by that instant. So an idle primary causes no lag, a replica that
 * receives nothing is noticed, and nobody compares the clocks of two machines.
 */
export class LagClock {
  #samples: Sample[] = [];

  /** Notes that the primary, when asked at `atMs`, was at `position`. Calls may come in any order; stale ones are ignored. */
  observe(position: Position, atMs: number): void {
    const samples = this.#samples;
    const last = samples[samples.length - 1];
    if (last === undefined) {
      samples.push({ atMs, position });
      return;
    }
    if (atMs < last.atMs || position < last.position) return;
    const beforeLast = samples[samples.length - 2];
    if (position === last.position) {
      last.atMs = atMs;
    } else if (beforeLast !== undefined && atMs - beforeLast.atMs < RESOLUTION_MS) {
      last.atMs = atMs;
      last.position = position;
    } else {
      samples.push({ atMs, position });
      if (samples.length > MAX_SAMPLES) this.#samples = samples.slice(MAX_SAMPLES / 4);
    }
  }

  /** Forgets everything, because another node is the primary now. */
  reset(): void {
    this.#samples = [];
  }

  get latest(): Position | undefined {
    return this.#samples[this.#samples.length - 1]?.position;
  }

  /** A node that has replayed `position` shows all commits up to this instant; `undefined` if that is before the history. */
  freshAsOf(position: Position): number | undefined {
    const next = this.#firstIndex((sample) => sample.position > position);
    return next === 0 ? undefined : this.#samples[next - 1]?.atMs;
  }

  /** A position that the primary had at `atMs` or later. It covers everything that anyone can have seen by `atMs`. */
  positionAtOrAfter(atMs: number): Position | undefined {
    return this.#samples[this.#firstIndex((sample) => sample.atMs >= atMs)]?.position;
  }

  #firstIndex(holds: (sample: Sample) => boolean): number {
    let low = 0;
    let high = this.#samples.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (holds(this.#samples[middle] as Sample)) high = middle;
      else low = middle + 1;
    }
    return low;
  }
}
