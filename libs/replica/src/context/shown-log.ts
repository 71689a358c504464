import type { Position } from '../session/position.js';

/** What somebody was shown, up to one answer. Immutable. */
export interface Shown {
  /** How many answers of nodes there were. */
  readonly answers: number;
  /** When the last of them came; milliseconds of the monotonic clock, `-Infinity`: there was none. */
  readonly lastMs: number;
  /** No cached answer that was shown held anything newer than this position; `0`: none was shown. */
  readonly cachedPosition: Position;
  /** The cached answer that was shown last of all. Shown again it takes nobody back in time. */
  readonly lastEntry?: string;
}

/**
 * What one client was shown by nodes and by the result cache. A cached answer may be shown to it only where it is at least as new as
 * all of that. The instants of answers are kept, not their positions: nobody asks a node how far it is with each read.
 */
export class ShownLog {
  #shown: Shown;

  /** @param sinceMs it may have been shown anything until then; milliseconds of the monotonic clock, `-Infinity`: nothing */
  constructor(sinceMs: number) {
    this.#shown = { answers: 0, lastMs: sinceMs, cachedPosition: 0n };
  }

  get shown(): Shown {
    return this.#shown;
  }

  /** A node answered. One answer may be noted twice, with the same `atMs`. */
  answered(atMs: number): void {
    const { answers, lastMs, cachedPosition } = this.#shown;
    if (atMs === lastMs) return;
    this.#shown = { answers: answers + 1, lastMs: Math.max(atMs, lastMs), cachedPosition };
  }

  /** The cached answer `entry` was made of what a node has answered since `before`: if that was the only answer, it was shown last. */
  cached(entry: string, before: Shown): void {
    if (this.#shown.answers === before.answers + 1) this.#shown = { ...this.#shown, lastEntry: entry };
  }

  /** The cached answer `entry` was shown, which holds nothing newer than `position`. */
  shownCached(entry: string, position: Position): void {
    const { cachedPosition } = this.#shown;
    this.#shown = {
      ...this.#shown,
      cachedPosition: position > cachedPosition ? position : cachedPosition,
      lastEntry: entry,
    };
  }
}
