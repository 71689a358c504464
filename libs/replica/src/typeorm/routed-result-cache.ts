import type { DataSource, QueryRunner } from 'typeorm';
import type { ContextStorage, Scope } from '../context/context-storage.js';

/** TypeORM's result cache (`cache: true`); the type has no public name of its own in all versions. */
type ResultCache = NonNullable<DataSource['queryResultCache']>;
type CacheOptions = Parameters<ResultCache['getFromCache']>[0];

/**
 * TypeORM's result cache, which never answers a read that must be fresh: one forced to the primary, of consistency
 * `strong`, after a write of the same request, in a transaction, or of a session that has a position. For `bounded` the
 * cached answer counts as old as it is. The cache's own table is read and written outside the request: on the primary,
 * and not as a write of the session's.
 */
export class RoutedResultCache implements ResultCache {
  readonly #cache: ResultCache;
  readonly #contexts: ContextStorage;
  readonly #maxStalenessMs: number;

  constructor(cache: ResultCache, contexts: ContextStorage, maxStalenessMs: number) {
    this.#cache = cache;
    this.#contexts = contexts;
    this.#maxStalenessMs = maxStalenessMs;
  }

  connect(): Promise<void> {
    return this.#cache.connect();
  }

  disconnect(): Promise<void> {
    return this.#cache.disconnect();
  }

  synchronize(queryRunner?: QueryRunner): Promise<void> {
    return this.#cache.synchronize(queryRunner);
  }

  async getFromCache(options: CacheOptions, queryRunner?: QueryRunner): Promise<CacheOptions | undefined> {
    const scope = this.#contexts.current();
    const limitMs = scope === undefined ? Infinity : await this.#maxAgeMs(scope);
    if (limitMs === 0) return undefined;
    const found = await this.#contexts.exit(() => this.#cache.getFromCache(options, queryRunner));
    const time = found?.time;
    return time !== undefined && limitMs !== Infinity && Date.now() - time > limitMs ? undefined : found;
  }

  storeInCache(
    options: CacheOptions,
    savedCache: CacheOptions | undefined,
    queryRunner?: QueryRunner,
  ): Promise<void> {
    return this.#contexts.exit(() => this.#cache.storeInCache(options, savedCache, queryRunner));
  }

  isExpired(savedCache: CacheOptions): boolean {
    return this.#cache.isExpired(savedCache);
  }

  clear(queryRunner?: QueryRunner): Promise<void> {
    return this.#contexts.exit(() => this.#cache.clear(queryRunner));
  }

  remove(identifiers: string[], queryRunner?: QueryRunner): Promise<void> {
    return this.#contexts.exit(() => this.#cache.remove(identifiers, queryRunner));
  }

  /** How old a cached answer may be here, in milliseconds: 0 is none at all. */
  async #maxAgeMs({ request, intent }: Scope): Promise<number> {
    if (intent.target === 'primary' || intent.consistency === 'strong') return 0;
    const { ownWritePending, ownPosition, transactionOpen } = request.view(intent, Date.now());
    if (ownWritePending || ownPosition !== undefined || transactionOpen) return 0;
    if (intent.consistency === 'bounded') return intent.maxStalenessMs ?? this.#maxStalenessMs;
    if (intent.consistency === 'eventual') return Infinity;
    await request.session?.loaded();
    const session = request.view(intent, Date.now()).session;
    const isBound =
      session !== undefined &&
      (session.status !== 'loaded' || session.onPrimary || session.position !== undefined);
    return isBound || request.hasStrayed ? 0 : Infinity;
  }
}
