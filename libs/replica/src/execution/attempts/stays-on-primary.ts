import type { Scope } from '../../context/context-storage.js';
import type { RequestContext } from '../../context/request-context.js';
import type { Route, RouteReason } from '../../routing/route.js';

/** The primary answers because no replica has yet what the session, or the request, wrote or saw. */
const BEHIND: ReadonlySet<RouteReason> = new Set<RouteReason>([
  'own-write',
  'session-ahead',
  'request-on-primary',
]);

/** So many sessions are followed; then the one that came first is forgotten, and waits a little later. */
const MAX_SESSIONS = 10_000;
/** One that has not read for so long begins anew; milliseconds. */
const PAUSE_MS = 2_000;

interface Stay {
  readonly sinceMs: number;
  readonly lastMs: number;
}

/**
 * Since when sessions, and requests without one, have read from the primary because replicas were behind. What they see there a
 * replica has to have before it may serve them, so whoever reads more often than replicas lag would never get away: the rule lets
 * such a read wait. Nothing but speed rests on this, so it is kept by each process for itself.
 */
export class StaysOnPrimary {
  readonly #ofSessions = new Map<number, Stay>();
  readonly #ofRequests = new WeakMap<RequestContext, Stay>();
  /** When somebody was last behind: mostly nobody was of late, and then nothing is looked up. */
  #lastMs = -Infinity;

  /** Since when; milliseconds of the monotonic clock. `undefined`: it reads from replicas. */
  sinceMs(scope: Scope, nowMs: number): number | undefined {
    if (nowMs - this.#lastMs > PAUSE_MS) return undefined;
    const stay = this.#stayOf(scope);
    return stay === undefined || nowMs - stay.lastMs > PAUSE_MS ? undefined : stay.sinceMs;
  }

  /** A read of the scope goes there. */
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

  /** It reads from a replica, or has waited for one: it waits no more before it has stayed as long again. */
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
