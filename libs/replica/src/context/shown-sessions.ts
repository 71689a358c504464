import type { Position } from '../session/position.js';
import type { RequestContext } from './request-context.js';

/** So many sessions are remembered. */
const MAX_SESSIONS = 10_000;

/** What somebody was shown, up to one answer. Immutable. */
export interface Shown {
  /** How many answers of nodes there were. */
  readonly answers: number;
  /** When the last of them came; milliseconds of the monotonic clock, `-Infinity`: there was none. */
  readonly lastMs: number;
  /** No cached answer that was shown held anything newer than this position; `0`: none was shown. */
  readonly cachedPosition: Position;
  /** The cached answer that was shown last of all. Shown again it takes nobody back in time. */
  readonly lastEntry?: string;
}

/**
 * What one client was shown by nodes and by the result cache. A cached answer may be shown to it only where it is at least as new as
 * all of that. The instants of answers are kept, not their positions: nobody asks a node how far it is with each read.
 */
export class ShownLog {
  #shown: Shown;

  /** @param sinceMs it may have been shown anything until then; milliseconds of the monotonic clock, `-Infinity`: nothing */
  constructor(sinceMs: number) {
    this.#shown = { answers: 0, lastMs: sinceMs, cachedPosition: 0n };
  }

  get shown(): Shown {
    return this.#shown;
  }

  /** A node answered. One answer may be noted twice, with the same `atMs`. */
  answered(atMs: number): void {
    const { answers, lastMs, cachedPosition } = this.#shown;
    if (atMs === lastMs) return;
    this.#shown = { answers: answers + 1, lastMs: Math.max(atMs, lastMs), cachedPosition };
  }

  /** The cached answer `entry` was made of what a node has answered since `before`: if that was the only answer, it was shown last. */
  cached(entry: string, before: Shown): void {
    if (this.#shown.answers === before.answers + 1) this.#shown = { ...this.#shown, lastEntry: entry };
  }

  /** The cached answer `entry` was shown, which holds nothing newer than `position`. */
  shownCached(entry: string, position: Position): void {
    const { cachedPosition } = this.#shown;
    this.#shown = {
      ...this.#shown,
      cachedPosition: position > cachedPosition ? position : cachedPosition,
      lastEntry: entry,
    };
  }
}

/**
 * What clients were shown, for the result cache alone: without one nobody makes this. It knows what happened in this process. A
 * session whose state other processes share may have been shown anything until its request began.
 */
export class ShownSessions {
  /** By the hash of the session's key, the least recently used first: two sessions of one hash count as one. */
  readonly #logs = new Map<number, ShownLog>();
  /** The log of each request, and how many sights of the primary are in it. */
  readonly #requests = new WeakMap<RequestContext, { readonly log: ShownLog; sightings: number }>();
  readonly #nowMs: () => number;
  readonly #maxSessions: number;
  /** Sessions that are not remembered may have been shown anything until then; milliseconds of the monotonic clock. */
  #forgottenMs: number;

  /** @param nowMs milliseconds of the monotonic clock; what was shown before it is called first is not known */
  constructor(nowMs: () => number, maxSessions = MAX_SESSIONS) {
    this.#nowMs = nowMs;
    this.#forgottenMs = nowMs();
    this.#maxSessions = maxSessions;
  }

  /** What the request's client was shown by now. */
  logOf(request: RequestContext): ShownLog {
    const entry = this.#entryOf(request);
    // Not every sight of the primary is a read: an error may tell of data, too.
    if (entry.sightings !== request.ledger.sightings) {
      entry.sightings = request.ledger.sightings;
      entry.log.answered(this.#nowMs());
    }
    return entry.log;
  }

  /** A node's answer was shown, which came at `endedMs`. */
  answered(request: RequestContext, endedMs: number): void {
    const entry = this.#entryOf(request);
    this.#coverNewcomer(request);
    entry.log.answered(endedMs);
    entry.sightings = request.ledger.sightings;
  }

  /**
   * The cached answer `entry` was shown, which holds nothing newer than `position`. Where not all nodes have as much, those that have
   * not must not serve the client any more.
   */
  cached(request: RequestContext, entry: string, { position, isEverywhere }: CachedSight): void {
    const known = this.#entryOf(request);
    this.#coverNewcomer(request);
    known.sightings = request.ledger.sightings;
    if (!isEverywhere) request.cover(Promise.resolve(position));
    known.log.shownCached(entry, position);
  }

  /** Under the key that the response gives it, nobody knows what a newcomer was shown: its position is to cover that. */
  #coverNewcomer(request: RequestContext): void {
    if (request.session?.standing !== 'none') return;
    request.ledger.addSighting();
  }

  #entryOf(request: RequestContext): { readonly log: ShownLog; sightings: number } {
    const known = this.#requests.get(request);
    if (known !== undefined) return known;
    const entry = { log: this.#findLog(request), sightings: request.ledger.sightings };
    // Until it is known whose session it is, the log is not its own.
    if (request.session?.standing !== 'unresolved') this.#requests.set(request, entry);
    return entry;
  }

  #findLog({ session, startedMs, clock }: RequestContext): ShownLog {
    if (session === undefined || session.standing === 'none') return new ShownLog(-Infinity);
    const view = session.isLocal ? session.view(clock.earliestMs()) : undefined;
    return view === undefined || view.status === 'unresolved'
      ? new ShownLog(startedMs)
      : this.#logOfSession(view.keyHash);
  }

  #logOfSession(keyHash: number): ShownLog {
    const log = this.#logs.get(keyHash) ?? new ShownLog(this.#forgottenMs);
    this.#logs.delete(keyHash);
    this.#logs.set(keyHash, log);
    if (this.#logs.size > this.#maxSessions) this.#forgetOldest();
    return log;
  }

  #forgetOldest(): void {
    for (const keyHash of this.#logs.keys()) {
      this.#logs.delete(keyHash);
      // A request of it may still run.
      this.#forgottenMs = this.#nowMs();
      return;
    }
  }
}

/** A cached answer that was shown. */
export interface CachedSight {
  readonly position: Position;
  /** All nodes are known to have replayed the position. */
  readonly isEverywhere: boolean;
}
