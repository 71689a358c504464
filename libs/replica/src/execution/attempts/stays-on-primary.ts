import type { Scope } from '../../context/context-storage.js';
import type { RequestContext } from '../../context/request-context.js';
import type { Route, RouteReason } from '../../routing/route.js';

/** Reasons for which the primary answers because no replica has what the session or request wrote or saw. */
const BEHIND: ReadonlySet<RouteReason> = new Set<RouteReason>([
  'own-write',
  'session-ahead',
  'request-on-primary',
]);

/** How many sessions are tracked. Beyond that, the oldest entry is dropped, and that session waits a little later. */
const MAX_SESSIONS = 10_000;
/** A session that has not read for this long starts afresh, in milliseconds. */
const PAUSE_MS = 2_000;

interface Stay {
  readonly sinceMs: number;
  readonly lastMs: number;
}

/**
 * Tracks since when sessions, and requests without one, have read from the primary because replicas were behind. Whatever they
 * see there, a replica must also have before it may serve them. So somebody who reads more often than replicas lag would never
 * get away, and the rule lets such a read wait. Only speed depends on this, so each process tracks it for itself.
 */
export class StaysOnPrimary {
  readonly #ofSessions = new Map<number, Stay>();
  readonly #ofRequests = new WeakMap<RequestContext, Stay>();
  /** When somebody was last behind. Usually nobody has been of late, and then no lookup is needed. */
  #lastMs = -Infinity;

  /**
   * Since when the scope has read from the primary, in milliseconds of the monotonic clock. `undefined`: it reads from replicas.
   */
  sinceMs(scope: Scope, nowMs: number): number | undefined {
    if (nowMs - this.#lastMs > PAUSE_MS) return undefined;
    const stay = this.#stayOf(scope);
    return stay === undefined || nowMs - stay.lastMs > PAUSE_MS ? undefined : stay.sinceMs;
  }

  /** A read of the scope was routed. */
  routed(scope: Scope, { reason }: Route, nowMs: number): void {
    if (!BEHIND.has(reason)) return this.ended(scope, nowMs);
    const sinceMs = this.sinceMs(scope, nowMs) ?? nowMs;
    this.#lastMs = nowMs;
    const key = keyOf(scope);
    if (typeof key !== 'number') return void this.#ofRequests.set(key, { sinceMs, lastMs: nowMs });
    this.#ofSessions.set(key, { sinceMs, lastMs: nowMs });
    if (this.#ofSessions.size > MAX_SESSIONS)
      this.#ofSessions.delete(this.#ofSessions.keys().next().value as number);
  }

  /**
   * The scope reads from a replica, or has waited for one. It will not wait again before it has stayed on the primary as long
   * once more.
   */
  ended(scope: Scope, nowMs: number): void {
    if (nowMs - this.#lastMs > PAUSE_MS) return;
    const key = keyOf(scope);
    if (typeof key === 'number') this.#ofSessions.delete(key);
    else this.#ofRequests.delete(key);
  }

  #stayOf(scope: Scope): Stay | undefined {
    const key = keyOf(scope);
    return typeof key === 'number' ? this.#ofSessions.get(key) : this.#ofRequests.get(key);
  }
}

function keyOf({ request }: Scope): number | RequestContext {
  const { session, clock } = request;
  return session?.standing === 'known' ? (session.view(clock.earliestMs())?.keyHash ?? request) : request;
}
