import { laterPosition, type Position } from '../session/position.js';

/** More tables than this count as one. */
const MAX_TABLES = 10_000;

/** Stands for a change of unknown tables. It concerns each read. */
export const UNKNOWN = 'unknown';
/** Stands for each change. It concerns reads of unknown tables. */
export const SOME = 'some';

/**
 * By which position each table was last changed, at the latest. Positions go on upwards after a failover. If it has lost writes, some are
 * above all that is in the new history at first, and fewer answers are given for a moment.
 */
export class Marks {
  readonly #marks = new Map<string, Position>();

  get size(): number {
    return this.#marks.size;
  }

  get(key: string): Position | undefined {
    return this.#marks.get(key);
  }

  /** Keeps the later of the kept position and this one. */
  raise(keys: Iterable<string>, position: Position): void {
    for (const key of keys) this.#marks.set(key, laterPosition(this.#marks.get(key), position) ?? position);
    if (this.#marks.size <= MAX_TABLES) return;
    const last = [...this.#marks.values()].reduce((one, other) => (one < other ? other : one));
    this.#marks.clear();
    this.raise([SOME, UNKNOWN], last);
  }

  /** Takes all out. */
  take(): readonly (readonly [key: string, position: Position])[] {
    const all = [...this.#marks];
    this.#marks.clear();
    return all;
  }
}
