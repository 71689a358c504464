import { positionOf, withPosition, type CachedPosition } from './cached-position.js';
import type { NodePositions } from './node-positions.js';
import type { CacheOptions } from './result-cache.js';

/** What `clear()` leaves behind has this key. */
export const CLEARED = 'nestjs-replica:cleared';

/** Above every position. */
const PENDING = (1n << 64n) - 1n;

/**
 * What stays in the place of an answer that the application has removed, because it has written. A read that began before the
 * write, or on a replica that lags, may be about to store the old answer again, perhaps in another process. A mark has expired
 * already, so it answers nobody. But it has a position, and no answer that may be older is stored over it.
 */
export class RemovedAnswers {
  readonly #positions: NodePositions;
  readonly #keptMs: number;

  /** @param keptMs how long marks are kept: no read may take longer, or come from a replica that lags more */
  constructor(positions: NodePositions, keptMs: number) {
    this.#positions = positions;
    this.#keptMs = keptMs;
  }

  /**
   * The position of marks for what is removed now: all that is committed is before it. Inside a transaction nobody knows yet what
   * will be, so nothing is stored as long as the mark is kept. `undefined` without replicas.
   */
  async position(isInTransaction: boolean): Promise<CachedPosition | undefined> {
    const primary = this.#positions.topology?.primary;
    const { history: before } = this.#positions;
    if (primary === undefined) return undefined;
    const told = isInTransaction ? undefined : await this.#positions.capture(primary.name);
    const position = told ?? PENDING;
    // A process that has just started may know the history only from this answer.
    const history = before ?? this.#positions.history;
    return history === undefined ? undefined : { atLeast: position, atMost: position, history };
  }

  /** The position that an answer has to reach to be stored over `kept`; `undefined`: any may. Tables keep marks for ever. */
  positionIn(kept: CacheOptions | null | undefined): CachedPosition | undefined {
    const isOver = kept?.query === '' && Number(kept.time) + 2 * kept.duration < Date.now();
    return isOver ? undefined : positionOf(kept?.result);
  }

  markOf(identifier: string, position: CachedPosition): CacheOptions {
    return {
      identifier,
      query: '',
      time: Date.now() - this.#keptMs - 1,
      duration: this.#keptMs,
      result: withPosition('[]', position),
    };
  }
}
