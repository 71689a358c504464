import type { DataSource, QueryRunner } from 'typeorm';
import type { ContextStorage, Scope } from '../context/context-storage.js';
import type { ResolvedOptions } from '../options/resolve-options.js';
import { longestLagMs } from './session-memory.js';

/** TypeORM's result cache (`cache: true`); the type has no public name of its own in all versions. */
type ResultCache = NonNullable<DataSource['queryResultCache']>;
type CacheOptions = Parameters<ResultCache['getFromCache']>[0];

type Limits = Pick<
  ResolvedOptions,
  'maxLagMs' | 'minServing' | 'hardMaxLagMs' | 'maxStalenessMs' | 'sticky'
> & {
  readonly session: { readonly ttlMs: number };
};

/**
 * TypeORM's result cache, which never answers a read that must be fresh: one forced to the primary, of consistency
 * `strong`, under an unsafe HTTP method, of TypeORM's primary runner (`save()` reads before it writes), after a write
 * of the same request, in a transaction, or of a session that has a position. For others an answer counts as old as it
 * is, and as the replica may have been that gave it. What a transaction sees is not kept. The cache's own table is read
 * and written outside the request: on the primary, and not as a write of the session's.
 */
export class RoutedResultCache implements ResultCache {
  readonly #cache: ResultCache;
  readonly #contexts: ContextStorage;
  readonly #limits: Limits;
  /** When the reads began that have not been stored yet, by their text; `Date.now()`. */
  readonly #begun = new WeakMap<QueryRunner, Map<string | undefined, number>>();
  /** Answers that were found and may not be given: to be replaced. */
  readonly #passedOver = new WeakSet<CacheOptions>();

  constructor(cache: ResultCache, contexts: ContextStorage, limits: Limits) {
    this.#cache = cache;
    this.#contexts = contexts;
    this.#limits = limits;
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
    if (this.#isInTransaction(queryRunner)) return undefined;
    this.#begin(options, queryRunner);
    const scope = this.#contexts.current();
    const limitMs = scope === undefined ? Infinity : await this.#maxAgeMs(scope, queryRunner);
    const found = await this.#contexts.exit(() => this.#cache.getFromCache(options, queryRunner));
    if (found !== undefined && limitMs !== Infinity && !(Date.now() - Number(found.time) <= limitMs)) {
      this.#passedOver.add(found);
    }
    return found;
  }

  async storeInCache(
    options: CacheOptions,
    savedCache: CacheOptions | undefined,
    queryRunner?: QueryRunner,
  ): Promise<void> {
    if (this.#isInTransaction(queryRunner)) return;
    const time = this.#takeBegun(options, queryRunner) ?? options.time;
    await this.#contexts.exit(() => this.#cache.storeInCache({ ...options, time }, savedCache, queryRunner));
  }

  isExpired(savedCache: CacheOptions): boolean {
    return this.#passedOver.has(savedCache) || this.#cache.isExpired(savedCache);
  }

  clear(queryRunner?: QueryRunner): Promise<void> {
    return this.#contexts.exit(() => this.#cache.clear(queryRunner));
  }

  remove(identifiers: string[], queryRunner?: QueryRunner): Promise<void> {
    return this.#contexts.exit(() => this.#cache.remove(identifiers, queryRunner));
  }

  /** What is stored there would be a part of it: seen by nobody else, and its first write, which belongs to no request. */
  #isInTransaction(queryRunner: QueryRunner | undefined): boolean {
    const scope = this.#contexts.current();
    return (
      queryRunner?.isTransactionActive === true ||
      scope?.request.view(scope.intent, Date.now()).transactionOpen === true
    );
  }

  /** An answer is as old as its read is long ago, which may have taken its time. */
  #begin({ query }: CacheOptions, queryRunner: QueryRunner | undefined): void {
    if (queryRunner === undefined) return;
    const begun = this.#begun.get(queryRunner) ?? new Map<string | undefined, number>();
    begun.set(query, Date.now());
    this.#begun.set(queryRunner, begun);
  }

  #takeBegun({ query }: CacheOptions, queryRunner: QueryRunner | undefined): number | undefined {
    const begun = queryRunner === undefined ? undefined : this.#begun.get(queryRunner);
    const time = begun?.get(query);
    begun?.delete(query);
    return time;
  }

  /** How long ago a cached answer may have been read to be given here, in milliseconds: 0 and less is none at all. */
  async #maxAgeMs({ request, intent }: Scope, queryRunner: QueryRunner | undefined): Promise<number> {
    if (intent.target === 'primary' || intent.consistency === 'strong') return 0;
    if (intent.target === 'default' && !intent.safeMethod) return 0;
    if (queryRunner?.getReplicationMode() === 'master') return 0;
    const { ownWritePending, ownWriteLost, ownPosition } = request.view(intent, Date.now());
    if (ownWritePending || ownWriteLost || ownPosition !== undefined) return 0;
    const { maxStalenessMs, sticky, session: limits } = this.#limits;
    const lagMs = longestLagMs(this.#limits);
    if (intent.consistency === 'bounded') return (intent.maxStalenessMs ?? maxStalenessMs) - lagMs;
    if (intent.consistency === 'eventual') return Infinity;
    await request.session?.loaded();
    const session = request.view(intent, Date.now()).session;
    if (session === undefined) return Infinity;
    const { status, onPrimary, isUnconfirmed, position } = session;
    const isBound = status !== 'loaded' || onPrimary || isUnconfirmed || position !== undefined;
    // What it wrote and nobody remembers is at least this old.
    const rememberedMs = sticky.mode === 'time' ? sticky.windowMs : limits.ttlMs;
    return isBound || request.hasSeenMore ? 0 : rememberedMs - lagMs;
  }
}
