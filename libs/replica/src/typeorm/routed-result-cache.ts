import type { QueryRunner } from 'typeorm';
import type { ContextStorage, Scope } from '../context/context-storage.js';
import type { RequestContext } from '../context/request-context.js';
import type { ShownSessions } from '../context/shown-sessions.js';
import type { Engine } from '../engine/engine.js';
import { longestLagMs } from '../engine/session-memory.js';
import { primaryAskedBy } from '../routing/decide-route.js';
import type { RequestView } from '../routing/route-query.js';
import { laterPosition, type Position } from '../session/position.js';
import type { SessionClock } from '../session/session-clock.js';
import { Fills } from './fills.js';
import { NodePositions } from './node-positions.js';
import { POSITION_LENGTH, positionOf, withPosition, type CachedPosition } from './cached-position.js';
import { keyOf, type CacheOptions, type ResultCache } from './result-cache.js';
import { RedisAnswers } from './redis-answers.js';
import { CLEARED, RemovedAnswers } from './removed-answers.js';
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
  readonly #options: Engine['options'];
  readonly #contexts: ContextStorage;
  readonly #positions: NodePositions;
  /** What clients were shown. */
  readonly #shown: ShownSessions;
  readonly #reads: UncachedReads;
  /** Answers that were found but must not be given. They are replaced. */
  readonly #passedOver = new WeakSet<CacheOptions>();
  /** What is being stored, by read: answers to one read are stored one after the other. */
  readonly #storing = new Map<string, Promise<void>>();
  readonly #fills = new Fills();
  readonly #removed: RemovedAnswers;
  readonly #redis: RedisAnswers | undefined;

  constructor(cache: ResultCache, engine: Engine) {
    this.#cache = cache;
    this.#options = engine.options;
    this.#contexts = engine.contexts;
    this.#positions = new NodePositions(engine);
    this.#shown = engine.state.noteShown();
    this.#reads = new UncachedReads(this.#positions);
    this.#removed = new RemovedAnswers(
      this.#positions,
      engine.options.session.ttlMs + longestLagMs(engine.options),
    );
    this.#redis = RedisAnswers.of(cache);
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
    const answers = (entry: CacheOptions | undefined): Promise<boolean> =>
      this.#answers(scope, entry, queryRunner);
    let found = await this.#find(options, queryRunner);
    if (await answers(found)) return found;
    if (this.#mayWait(scope, queryRunner) && (await this.#fills.wait(keyOf(options)))) {
      found = await this.#find(options, queryRunner);
      if (await answers(found)) return found;
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
    await this.#contexts.exit(() => this.#storeInTurn(entry, position, by));
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
      await this.#mark([CLEARED], isInTransaction, queryRunner);
    });
  }

  /** As {@link clear}, of these answers. */
  async remove(identifiers: string[], queryRunner?: QueryRunner): Promise<void> {
    const isInTransaction = this.#isInTransaction(queryRunner);
    await this.#contexts.exit(async () => {
      await this.#cache.remove(identifiers, queryRunner);
      await this.#mark(identifiers, isInTransaction, queryRunner);
    });
  }

  async #mark(keys: readonly string[], isInTransaction: boolean, queryRunner?: QueryRunner): Promise<void> {
    const position = await this.#removed.position(isInTransaction);
    if (position === undefined) return;
    for (const key of keys)
      await this.#storeInTurn(this.#removed.markOf(key, position), position, {
        savedCache: undefined,
        queryRunner,
        isMark: true,
      });
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
    scope: Scope | undefined,
    found: CacheOptions | undefined,
    queryRunner: QueryRunner | undefined,
  ): Promise<boolean> {
    if (found === undefined || this.#cache.isExpired(found)) return false;
    return scope === undefined || (await this.#maySee(scope, found, queryRunner));
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

  /** Two reads of one text do not store at the same time. Otherwise the older answer would sometimes win. */
  async #storeInTurn(
    entry: CacheOptions,
    position: CachedPosition | undefined,
    by: Replacement,
  ): Promise<void> {
    const key = keyOf(entry);
    const storing = (this.#storing.get(key) ?? Promise.resolve())
      .catch(() => undefined)
      .then(() => this.#store(entry, position, by));
    this.#storing.set(key, storing);
    try {
      await storing;
    } finally {
      if (this.#storing.get(key) === storing) this.#storing.delete(key);
    }
  }

  async #store(
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

  /** Whether this cached answer, which has not expired, may be given here. */
  async #maySee(scope: Scope, found: CacheOptions, queryRunner: QueryRunner | undefined): Promise<boolean> {
    const { request, intent } = scope;
    if (primaryAskedBy(intent) !== undefined || queryRunner?.getReplicationMode() === 'master') return false;
    if (request.ledger.isLearning) await request.writesCaptured();
    if (intent.consistency === 'session') await request.session?.loaded();
    const view = request.view(intent);
    if (view.ownWritePending || view.ownWriteLost || !this.#isYoungEnough(view, found, request.clock))
      return false;
    const position = this.#currentPositionOf(found);
    const floor = floorOf(view);
    if (floor !== undefined && (position === undefined || position.atLeast < floor)) return false;
    return intent.consistency !== 'session' || this.#maySessionSee(view, { request, found, position });
  }

  /** By its age alone. What a session wrote and nobody remembers any more is at least that old. */
  #isYoungEnough({ intent, session }: RequestView, { time }: CacheOptions, clock: SessionClock): boolean {
    const { maxStalenessMs, sticky, session: limits } = this.#options;
    const lagMs = longestLagMs(this.#options);
    const rememberedMs = sticky.mode === 'time' ? sticky.windowMs : limits.ttlMs;
    const limitMs =
      intent.consistency === 'bounded'
        ? (intent.maxStalenessMs ?? maxStalenessMs) - lagMs
        : session === undefined
          ? Infinity
          : rememberedMs - lagMs;
    if (limitMs === Infinity) return true;
    const ageMs = clock.latestMs() - Number(time);
    // An answer from the future means that a clock was set back.
    return ageMs >= 0 && ageMs <= limitMs && limitMs > 0;
  }

  /** Its position if that belongs to the current history; otherwise `undefined`. */
  #currentPositionOf({ result }: CacheOptions): CachedPosition | undefined {
    const position = positionOf(result);
    const epoch = this.#positions.topology?.primary.epoch;
    return position?.epoch === epoch ? position : undefined;
  }

  /**
   * A session takes an answer that is at least as new as everything it was shown. From then on it was shown this one,
   * too.
   */
  async #maySessionSee(
    { session }: RequestView,
    { request, found, position }: { request: RequestContext; found: CacheOptions; position?: CachedPosition },
  ): Promise<boolean> {
    if (session !== undefined && (session.status !== 'loaded' || session.onPrimary || session.isUnconfirmed))
      return false;
    // Without replicas nobody lags.
    if (this.#positions.topology === undefined) return true;
    if (position === undefined) return false;
    const name = nameOf(found);
    const log = this.#shown.logOf(request);
    const { shown } = log;
    if (shown.lastEntry !== name) {
      const answered = shown.lastMs === -Infinity ? 0n : await this.#positions.after(shown.lastMs);
      // The position is unknown, or the session was shown more in the meantime.
      if (answered === undefined || log.shown !== shown) return false;
      if (position.atLeast < answered || position.atLeast < shown.cachedPosition) return false;
    }
    this.#shown.cached(request, name, {
      position: position.atMost,
      isEverywhere: this.#isOnAllNodes(position.atMost),
    });
    return true;
  }

  #isOnAllNodes(position: Position): boolean {
    const topology = this.#positions.topology;
    return topology?.replicas.every((node) => (node.position ?? 0n) >= position) === true;
  }
}

/** What finds the mark of `clear()`. */
const CLEARED_ENTRY: CacheOptions = Object.freeze({ identifier: CLEARED, query: '', duration: 0 });

/** The entry that a new one replaces, and the connection to use. */
interface Replacement {
  readonly savedCache: CacheOptions | undefined;
  readonly queryRunner: QueryRunner | undefined;
  /** It is the mark of what was removed. */
  readonly isMark?: true;
}

/** What the session and the request itself have written and seen. */
function floorOf({ session, ownPosition }: RequestView): Position | undefined {
  return laterPosition(session?.position, ownPosition);
}

/** Names one cached answer. The next answer to the same read has another name. */
function nameOf(entry: CacheOptions): string {
  return `${keyOf(entry)}\n${Number(entry.time)}\n${String(entry.result).slice(-POSITION_LENGTH)}`;
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
  return position.epoch === kept.epoch && position.atLeast < (isMark ? kept.atLeast : kept.atMost);
}
