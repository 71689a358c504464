import type { QueryRunner } from 'typeorm';
import { positionOf, type CachedPosition } from './cached-position.js';
import type { NodePositions } from './node-positions.js';
import type { RedisAnswers } from './redis-answers.js';
import { CLEARED, RemovedAnswers } from './removed-answers.js';
import { keyOf, type CacheOptions, type ResultCache } from './result-cache.js';

/** What finds the mark of `clear()`. */
const CLEARED_ENTRY: CacheOptions = Object.freeze({ identifier: CLEARED, query: '', duration: 0 });

/** The entry that a new one replaces, and the connection to use. */
export interface Replacement {
  readonly savedCache: CacheOptions | undefined;
  readonly queryRunner: QueryRunner | undefined;
  /** It is the mark of what was removed. */
  readonly isMark?: true;
}

/** How answers are removed. */
export interface Removal {
  readonly isInTransaction: boolean;
  readonly queryRunner: QueryRunner | undefined;
}

export interface AnswerStoreOptions {
  readonly positions: NodePositions;
  /** Absent: the cache is not in Redis. */
  readonly redis: RedisAnswers | undefined;
  /** How long marks of what was removed are kept; milliseconds. */
  readonly keptMs: number;
}

/** Stores answers in the user's cache, unless what is there may be newer, or was removed later than the answer was read. */
export class AnswerStore {
  readonly #cache: ResultCache;
  readonly #positions: NodePositions;
  readonly #redis: RedisAnswers | undefined;
  readonly #removed: RemovedAnswers;
  /** What is being stored, by read: answers to one read are stored one after the other. */
  readonly #storing = new Map<string, Promise<void>>();

  constructor(cache: ResultCache, { positions, redis, keptMs }: AnswerStoreOptions) {
    this.#cache = cache;
    this.#positions = positions;
    this.#redis = redis;
    this.#removed = new RemovedAnswers(positions, keptMs);
  }

  /** Leaves marks where answers were removed. */
  async markRemoved(keys: readonly string[], { isInTransaction, queryRunner }: Removal): Promise<void> {
    const position = await this.#removed.position(isInTransaction);
    if (position === undefined) return;
    for (const key of keys)
      await this.store(this.#removed.markOf(key, position), position, {
        savedCache: undefined,
        queryRunner,
        isMark: true,
      });
  }

  /** Two reads of one text do not store at the same time. Otherwise the older answer would sometimes win. */
  async store(entry: CacheOptions, position: CachedPosition | undefined, by: Replacement): Promise<void> {
    const key = keyOf(entry);
    const storing = (this.#storing.get(key) ?? Promise.resolve())
      .catch(() => undefined)
      .then(() => this.#replace(entry, position, by));
    this.#storing.set(key, storing);
    try {
      await storing;
    } finally {
      if (this.#storing.get(key) === storing) this.#storing.delete(key);
    }
  }

  async #replace(
    entry: CacheOptions,
    position: CachedPosition | undefined,
    { savedCache, queryRunner, isMark }: Replacement,
  ): Promise<void> {
    // Without a position, so also without replicas and before they are known, everything is as TypeORM has it.
    const isPlain = position === undefined && this.#positions.topology === undefined;
    if (isPlain && positionOf(savedCache?.result) === undefined)
      return this.#cache.storeInCache(entry, savedCache, queryRunner);
    const cleared = await this.#cache.getFromCache(CLEARED_ENTRY, queryRunner);
    if (mayBeOlder(position, this.#removed.positionIn(cleared), isMark)) return;
    if (await this.#redis?.store(entry, position, isMark)) return;
    const kept = (await this.#cache.getFromCache(entry, queryRunner)) ?? undefined;
    if (mayBeOlder(position, this.#removed.positionIn(kept), isMark)) return;
    await this.#cache.storeInCache(entry, kept, queryRunner);
  }
}

/**
 * Whether an answer may be older than the kept one, as far as can be told. A mark of what was removed is in doubt about the kept
 * answer instead: it gives way only to what is as new for sure.
 */
function mayBeOlder(
  position: CachedPosition | undefined,
  kept: CachedPosition | undefined,
  isMark = false,
): boolean {
  if (kept === undefined) return false;
  if (position === undefined) return true;
  return position.history === kept.history && position.atLeast < (isMark ? kept.atLeast : kept.atMost);
}
