import type { QueryRunner } from 'typeorm';
import type { Scope } from '../context/context-storage.js';
import type { RequestContext } from '../context/request-context.js';
import type { ShownSessions } from '../context/shown-sessions.js';
import type { Engine } from '../engine/engine.js';
import { longestLagMs } from '../engine/session-memory.js';
import { primaryAskedBy } from '../routing/decide-route.js';
import type { RequestView } from '../routing/route-query.js';
import { laterPosition, type Position } from '../session/position.js';
import type { SessionClock } from '../session/session-clock.js';
import { POSITION_LENGTH, positionOf, type CachedPosition } from './cached-position.js';
import type { NodePositions } from './node-positions.js';
import { keyOf, type CacheOptions } from './result-cache.js';

/** Whether a cached answer may be given to a reader, by what the request and its session have written and were shown. */
export class AnswerRule {
  readonly #options: Engine['options'];
  readonly #positions: NodePositions;
  /** What clients were shown. */
  readonly #shown: ShownSessions;

  constructor(options: Engine['options'], positions: NodePositions, shown: ShownSessions) {
    this.#options = options;
    this.#positions = positions;
    this.#shown = shown;
  }

  /** Whether this cached answer, which has not expired, may be given here. */
  async allows(scope: Scope, found: CacheOptions, queryRunner: QueryRunner | undefined): Promise<boolean> {
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
    return position?.history === this.#positions.history ? position : undefined;
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

/** What the session and the request itself have written and seen. */
export function floorOf({ session, ownPosition }: RequestView): Position | undefined {
  return laterPosition(session?.position, ownPosition);
}

/** Names one cached answer. The next answer to the same read has another name. */
export function nameOf(entry: CacheOptions): string {
  return `${keyOf(entry)}\n${Number(entry.time)}\n${String(entry.result).slice(-POSITION_LENGTH)}`;
}
