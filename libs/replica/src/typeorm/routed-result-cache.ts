import type { QueryRunner } from 'typeorm';
import type { ContextStorage, Scope } from '../context/context-storage.js';
import type { ShownSessions } from '../context/shown-sessions.js';
import type { Engine } from '../engine/engine.js';
import { longestLagMs } from '../engine/session-memory.js';
import { primaryAskedBy } from '../routing/decide-route.js';
import { AnswerRule, floorOf, nameOf } from './answer-rule.js';
import { AnswerStore, type Replacement } from './answer-store.js';
import { withPosition } from './cached-position.js';
import { Fills } from './fills.js';
import { NodePositions } from './node-positions.js';
import { RedisAnswers } from './redis-answers.js';
import { RedisMarks } from './redis-marks.js';
import { CLEARED } from './removed-answers.js';
import { keyOf, type CacheOptions, type ResultCache } from './result-cache.js';
import { TableMarks, type TableCheck } from './table-marks.js';
import { UncachedReads, type UncachedRead } from './uncached-reads.js';

/**
 * The user's result cache as TypeORM sees it.
 *
 * It never answers a read that must be fresh: a read that is forced to the primary, of consistency `strong`, under an
 * unsafe HTTP method, on TypeORM's primary runner (`save()` reads before it writes), or in a transaction.
 *
 * It keeps each answer with the two positions between which the answering node stood. A session takes only an answer
 * that is at least as new as everything the session has written and was shown. An answer without positions serves no
 * session. An older answer never replaces a newer one, nor what the application has removed, and what a transaction sees is not
 * kept. Of reads that want the same at the same time, one fills the cache.
 *
 * It uses the cache's own table outside the request: on the primary, and not as a write of the session. Outside a
 * request everything is as TypeORM has it.
 */
export class RoutedResultCache implements ResultCache {
  readonly #cache: ResultCache;
  readonly #contexts: ContextStorage;
  /** What clients were shown. */
  readonly #shown: ShownSessions;
  readonly #reads: UncachedReads;
  /** Answers that were found but must not be given. They are replaced. */
  readonly #passedOver = new WeakSet<CacheOptions>();
  readonly #fills = new Fills();
  readonly #store: AnswerStore;
  readonly #rule: AnswerRule;
  readonly #redis: RedisAnswers | undefined;
  readonly #marks: TableMarks;

  constructor(cache: ResultCache, engine: Engine) {
    this.#cache = cache;
    this.#contexts = engine.contexts;
    const positions = new NodePositions(engine);
    this.#shown = engine.state.noteShown();
    this.#reads = new UncachedReads(positions);
    this.#redis = RedisAnswers.of(cache);
    const keptMs = engine.options.session.ttlMs + longestLagMs(engine.options);
    this.#store = new AnswerStore(cache, { positions, redis: this.#redis, keptMs });
    this.#rule = new AnswerRule(engine.options, positions, this.#shown);
    const { timeoutMs } = engine.options.session;
    const { queryResultCacheTable: ownTable } = cache as { queryResultCacheTable?: string };
    this.#marks = new TableMarks({
      positions,
      classify: (text) => (engine.isStarted ? engine.cluster.router.classify(text) : undefined),
      redis: this.#redis === undefined ? undefined : new RedisMarks(this.#redis, timeoutMs),
      timeoutMs,
      ownTable: ownTable?.slice(ownTable.lastIndexOf('.') + 1),
    });
    engine.state.changes = this.#marks;
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
    const scope = this.#contexts.current();
    let { found, isAnswer } = await this.#look(options, scope, queryRunner);
    if (isAnswer) return found;
    if (this.#mayWait(scope, queryRunner) && (await this.#fills.wait(keyOf(options)))) {
      ({ found, isAnswer } = await this.#look(options, scope, queryRunner));
      if (isAnswer) return found;
    }
    await this.#begin(options, scope, queryRunner);
    if (found === undefined || this.#cache.isExpired(found)) return found;
    // A provider may give the same object to others, and it may serve them.
    const passedOver = { ...found };
    this.#passedOver.add(passedOver);
    return passedOver;
  }

  async storeInCache(
    options: CacheOptions,
    savedCache: CacheOptions | undefined,
    queryRunner?: QueryRunner,
  ): Promise<void> {
    const begun = this.#reads.take(options.query, queryRunner);
    const key = keyOf(options);
    this.#fills.stores(key, begun?.client);
    try {
      if (!this.#isInTransaction(queryRunner)) await this.#keep(options, begun, { savedCache, queryRunner });
    } finally {
      this.#fills.ended(key, begun?.client);
    }
  }

  async #keep(options: CacheOptions, begun: UncachedRead | undefined, by: Replacement): Promise<void> {
    const scope = this.#contexts.current();
    const position = begun === undefined ? undefined : await this.#reads.positionOf(begun);
    const entry: CacheOptions = {
      ...options,
      time: begun?.epochMs ?? options.time,
      result: position === undefined ? options.result : withPosition(options.result ?? '', position),
    };
    if (scope !== undefined && begun?.shown !== undefined)
      this.#shown.logOf(scope.request).cached(nameOf(entry), begun.shown);
    await this.#contexts.exit(() => this.#store.store(entry, position, by));
  }

  isExpired(savedCache: CacheOptions): boolean {
    return this.#passedOver.has(savedCache) || this.#cache.isExpired(savedCache);
  }

  /** Also keeps answers out that were read before, here or in other processes. */
  async clear(queryRunner?: QueryRunner): Promise<void> {
    const isInTransaction = this.#isInTransaction(queryRunner);
    await this.#contexts.exit(async () => {
      await this.#cache.clear(queryRunner);
      await this.#redis?.clearAll();
      await this.#store.markRemoved([CLEARED], { isInTransaction, queryRunner });
    });
  }

  /** As {@link clear}, of these answers. */
  async remove(identifiers: string[], queryRunner?: QueryRunner): Promise<void> {
    const isInTransaction = this.#isInTransaction(queryRunner);
    await this.#contexts.exit(async () => {
      await this.#cache.remove(identifiers, queryRunner);
      await this.#store.markRemoved(identifiers, { isInTransaction, queryRunner });
    });
  }

  /** What is there, and whether it answers the read. The changes of tables are looked at along the way. */
  async #look(
    options: CacheOptions,
    scope: Scope | undefined,
    queryRunner: QueryRunner | undefined,
  ): Promise<{ found: CacheOptions | undefined; isAnswer: boolean }> {
    const check =
      scope?.intent.consistency === 'session'
        ? this.#contexts.exit(() => this.#marks.check(options.query))
        : undefined;
    const found = await this.#find(options, queryRunner);
    return { found, isAnswer: await this.#answers({ scope, check, queryRunner }, found) };
  }

  async #find(
    options: CacheOptions,
    queryRunner: QueryRunner | undefined,
  ): Promise<CacheOptions | undefined> {
    return (await this.#contexts.exit(() => this.#cache.getFromCache(options, queryRunner))) ?? undefined;
  }

  /** Whether the answer that somebody is waiting for now may do. A reader who was shown something needs one that is as new. */
  #mayWait(scope: Scope | undefined, queryRunner: QueryRunner | undefined): boolean {
    if (scope === undefined) return true;
    const { request, intent } = scope;
    if (primaryAskedBy(intent) !== undefined || queryRunner?.getReplicationMode() === 'master') return false;
    const view = request.view(intent);
    if (view.ownWritePending || floorOf(view) !== undefined) return false;
    return intent.consistency !== 'session' || this.#shown.logOf(request).shown.lastMs === -Infinity;
  }

  /** Whether what was found answers the read. */
  async #answers(
    { scope, check, queryRunner }: CachedRead,
    found: CacheOptions | undefined,
  ): Promise<boolean> {
    if (found === undefined || this.#cache.isExpired(found)) return false;
    if (scope === undefined) return true;
    return (await check?.allows(found)) !== false && (await this.#rule.allows(scope, found, queryRunner));
  }

  /**
   * Whatever is stored inside a transaction would be part of it: nobody else would see it, and it would be the first
   * write of a transaction that belongs to no request.
   */
  #isInTransaction(queryRunner: QueryRunner | undefined): boolean {
    const scope = this.#contexts.current();
    return (
      queryRunner?.isTransactionActive === true || scope?.request.view(scope.intent).transactionOpen === true
    );
  }

  /** Called last, right before the read is sent. */
  async #begin(
    options: CacheOptions,
    scope: Scope | undefined,
    runner: QueryRunner | undefined,
  ): Promise<void> {
    const shown = this.#showsSession(scope) ? this.#shown.logOf(scope.request).shown : undefined;
    const client = await this.#reads.begin(options.query, runner, {
      floor: scope === undefined ? undefined : floorOf(scope.request.view(scope.intent)),
      shown,
    });
    this.#fills.begin(keyOf(options), client);
  }

  /** A read that may return older data says nothing about what its client may be shown next. */
  #showsSession(scope: Scope | undefined): scope is Scope {
    return scope?.intent.consistency === 'session' && scope.request.session?.standing !== 'unresolved';
  }
}

/** A read that the cache may answer. */
interface CachedRead {
  readonly scope: Scope | undefined;
  /** `undefined`: changes of tables do not matter to it. */
  readonly check: TableCheck | undefined;
  readonly queryRunner: QueryRunner | undefined;
}
