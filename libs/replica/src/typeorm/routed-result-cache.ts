import type { DataSource, QueryRunner } from 'typeorm';
import type { ContextStorage, Scope } from '../context/context-storage.js';
import type { RequestContext } from '../context/request-context.js';
import type { ShownSessions } from '../context/shown-sessions.js';
import type { Engine } from '../engine/engine.js';
import { longestLagMs } from '../engine/session-memory.js';
import { primaryAskedBy } from '../routing/decide-route.js';
import type { RequestView } from '../routing/route-query.js';
import { laterPosition, type Position } from '../session/position.js';
import type { SessionClock } from '../session/session-clock.js';
import { CachePositions } from './cache-positions.js';
import { POSITION_LENGTH, positionOf, withPosition, type CachedPosition } from './cached-position.js';
import { UncachedReads } from './uncached-reads.js';

/** TypeORM's result cache (`cache: true`); the type has no public name of its own in all versions. */
export type ResultCache = NonNullable<DataSource['queryResultCache']>;
export type CacheOptions = Parameters<ResultCache['getFromCache']>[0];

/**
 * The user's result cache, as TypeORM is to see it. It never answers a read that must be fresh: one forced to the primary, of
 * consistency `strong`, under an unsafe HTTP method, of TypeORM's primary runner (`save()` reads before it writes), or in a
 * transaction. Each answer is kept with the positions between which its node stood: a session takes only what is at least as new as
 * all that it has written and was shown, and an older answer never replaces a newer one. What cannot be told serves no session. What a
 * transaction sees is not kept. The cache's own table is read and written outside the request: on the primary, and not as a write of
 * the session's. Outside any request all is as TypeORM has it.
 */
export class RoutedResultCache implements ResultCache {
  readonly #cache: ResultCache;
  readonly #options: Engine['options'];
  readonly #contexts: ContextStorage;
  readonly #positions: CachePositions;
  /** What clients were shown. */
  readonly #shown: ShownSessions;
  readonly #reads: UncachedReads;
  /** Answers that were found and may not be given: to be replaced. */
  readonly #passedOver = new WeakSet<CacheOptions>();
  /** Answers are stored one after the other where they are of one read. */
  readonly #storing = new Map<string, Promise<void>>();

  constructor(cache: ResultCache, engine: Engine) {
    this.#cache = cache;
    this.#options = engine.options;
    this.#contexts = engine.contexts;
    this.#positions = new CachePositions(engine);
    this.#shown = engine.noteShown();
    this.#reads = new UncachedReads(this.#positions);
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
    const contexts = this.#contexts;
    const found = (await contexts.exit(() => this.#cache.getFromCache(options, queryRunner))) ?? undefined;
    const scope = contexts.current();
    if (found === undefined || this.#cache.isExpired(found)) {
      await this.#begin(options, scope, queryRunner);
      return found;
    }
    if (scope === undefined || (await this.#maySee(scope, found, queryRunner))) return found;
    await this.#begin(options, scope, queryRunner);
    // A provider may give the same object to others, whom it may serve.
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
    if (this.#isInTransaction(queryRunner)) return;
    const scope = this.#contexts.current();
    const position = begun === undefined ? undefined : await this.#reads.positionOf(begun);
    const entry: CacheOptions = {
      ...options,
      time: begun?.epochMs ?? options.time,
      result: position === undefined ? options.result : withPosition(options.result ?? '', position),
    };
    if (scope !== undefined && begun?.shown !== undefined)
      this.#shown.logOf(scope.request).cached(nameOf(entry), begun.shown);
    await this.#contexts.exit(() => this.#storeInTurn(entry, position, { savedCache, queryRunner }));
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
      queryRunner?.isTransactionActive === true || scope?.request.view(scope.intent).transactionOpen === true
    );
  }

  /** Last of all before the read leaves. */
  #begin({ query }: CacheOptions, scope: Scope | undefined, runner: QueryRunner | undefined): Promise<void> {
    const shown = this.#showsSession(scope) ? this.#shown.logOf(scope.request).shown : undefined;
    return this.#reads.begin(query, runner, {
      floor: scope === undefined ? undefined : floorOf(scope.request.view(scope.intent)),
      shown,
    });
  }

  /** Reads that may be older anyway say nothing of what their client may be shown next. */
  #showsSession(scope: Scope | undefined): scope is Scope {
    return scope?.intent.consistency === 'session' && scope.request.session?.standing !== 'unresolved';
  }

  /** Two reads of one text do not store at the same time: the older answer would win now and then. */
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
    { savedCache, queryRunner }: Replacement,
  ): Promise<void> {
    // Without a position, as without replicas and before they are known, all is as TypeORM has it.
    const isPlain = position === undefined && positionOf(savedCache?.result) === undefined;
    const kept = isPlain ? savedCache : await this.#cache.getFromCache(entry, queryRunner);
    if (mayBeOlder(position, positionOf(kept?.result))) return;
    await this.#cache.storeInCache(entry, kept ?? undefined, queryRunner);
  }

  /** Whether this cached answer, which is not expired, may be given here. */
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

  /** By its age alone; what a session wrote and nobody remembers is at least so old as this allows. */
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
    // One from the future says that a clock was set back.
    return ageMs >= 0 && ageMs <= limitMs && limitMs > 0;
  }

  /** Where it stands in the history that goes on; `undefined`: that cannot be told. */
  #currentPositionOf({ result }: CacheOptions): CachedPosition | undefined {
    const position = positionOf(result);
    const timeline = this.#positions.topology?.primary.epoch;
    return position?.timeline === timeline ? position : undefined;
  }

  /** A session takes what is at least as new as all that it was shown; then it was shown this, too. */
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
      // Unknown, or it was shown more meanwhile.
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

/** What the cache is asked to replace, and on whose connection. */
interface Replacement {
  readonly savedCache: CacheOptions | undefined;
  readonly queryRunner: QueryRunner | undefined;
}

/** What the caller's session has written and seen, and the request itself. */
function floorOf({ session, ownPosition }: RequestView): Position | undefined {
  return laterPosition(session?.position, ownPosition);
}

/** As TypeORM's providers find it. */
function keyOf({ identifier, query }: CacheOptions): string {
  return identifier === undefined || identifier === '' ? (query ?? '') : identifier;
}

/** One cached answer; the next one to the same read has another name. */
function nameOf(entry: CacheOptions): string {
  return `${keyOf(entry)}\n${Number(entry.time)}\n${String(entry.result).slice(-POSITION_LENGTH)}`;
}

/** Whether an answer may be older than the one that is kept, as far as that can be told. */
function mayBeOlder(position: CachedPosition | undefined, kept: CachedPosition | undefined): boolean {
  if (kept === undefined) return false;
  return position === undefined || (position.timeline === kept.timeline && position.atLeast < kept.atMost);
}
