import type { Position } from '../session/position.js';
import type { RequestContext } from './request-context.js';

/** The most sessions that are remembered. */
const MAX_SESSIONS = 10_000;

/** What somebody was shown, up to one answer. Immutable. */
export interface Sightings {
  /** How many answers of nodes there were so far. */
  readonly answers: number;
  /** When the last of them came; milliseconds of the monotonic clock, `-Infinity` if there was none. */
  readonly lastMs: number;
  /** No cached answer that was shown held anything newer than this position; `0` if none was shown. */
  readonly cachedPosition: Position;
  /** The cached answer, if that was shown last of all. To show it again takes nobody back in time. */
  readonly lastEntry?: string;
}

/**
 * What one client was shown by nodes and by the result cache. The client may be shown a cached answer only if that is at least as
 * new. For answers of nodes, times are kept and not positions, because nobody asks a node for its position with each read.
 */
export class ShownLog {
  #shown: Sightings;

  /** @param sinceMs the client may have been shown anything until then; milliseconds of the monotonic clock, `-Infinity`: nothing */
  constructor(sinceMs: number) {
    this.#shown = { answers: 0, lastMs: sinceMs, cachedPosition: 0n };
  }

  get shown(): Sightings {
    return this.#shown;
  }

  /** A node answered. The same answer may be noted twice, with the same `atMs`. */
  answered(atMs: number): void {
    const { answers, lastMs, cachedPosition } = this.#shown;
    if (atMs === lastMs) return;
    this.#shown = { answers: answers + 1, lastMs: Math.max(atMs, lastMs), cachedPosition };
  }

  /** A node's answer since `before` became the cached answer `entry`. If there was no other answer since, `entry` was shown last. */
  cached(entry: string, before: Sightings): void {
    if (this.#shown.answers === before.answers + 1) this.#shown = { ...this.#shown, lastEntry: entry };
  }

  /** The cached answer `entry`, which holds nothing newer than `position`, was shown. */
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
 * What clients were shown, for the result cache alone: without one, this is not created. It knows what happened in this process. A
 * session that other processes serve, too, may have been shown anything until its request began.
 */
export class ShownSessions {
  /** By the hash of the session's key, the least recently used first. Two sessions with one hash count as one. */
  readonly #logs = new Map<number, ShownLog>();
  /** The log of each request, and how many of its sightings are in it. */
  readonly #requests = new WeakMap<RequestContext, { readonly log: ShownLog; sightings: number }>();
  readonly #nowMs: () => number;
  readonly #maxSessions: number;
  /** A session that is not remembered may have been shown anything until then; milliseconds of the monotonic clock. */
  #forgottenMs: number;

  /** @param nowMs milliseconds of the monotonic clock; nothing is known of what was shown before its first call */
  constructor(nowMs: () => number, maxSessions = MAX_SESSIONS) {
    this.#nowMs = nowMs;
    this.#forgottenMs = nowMs();
    this.#maxSessions = maxSessions;
  }

  /** What the request's client has been shown by now. */
  logOf(request: RequestContext): ShownLog {
    const entry = this.#entryOf(request);
    // Not every sighting is a read: an error may tell of data, too.
    if (entry.sightings !== request.ledger.sightings) {
      entry.sightings = request.ledger.sightings;
      entry.log.answered(this.#nowMs());
    }
    return entry.log;
  }

  /** A node's answer, which came at `endedMs`, was shown. */
  answered(request: RequestContext, endedMs: number): void {
    const entry = this.#entryOf(request);
    this.#coverNewcomer(request);
    entry.log.answered(endedMs);
    entry.sightings = request.ledger.sightings;
  }

  /**
   * The cached answer `entry`, which holds nothing newer than `position`, was shown. From now on, nodes that have not replayed the
   * position must not serve the client. `isEverywhere`: all nodes are known to have replayed it.
   */
  cached(
    request: RequestContext,
    entry: string,
    { position, isEverywhere }: { position: Position; isEverywhere: boolean },
  ): void {
    const known = this.#entryOf(request);
    this.#coverNewcomer(request);
    known.sightings = request.ledger.sightings;
    if (!isEverywhere) request.cover(Promise.resolve(position));
    known.log.shownCached(entry, position);
  }

  /** The response gives a newcomer its first key, under which nothing is logged. So a position has to cover what it was shown. */
  #coverNewcomer(request: RequestContext): void {
    if (request.session?.standing !== 'none') return;
    request.ledger.addSighting();
  }

  #entryOf(request: RequestContext): { readonly log: ShownLog; sightings: number } {
    const known = this.#requests.get(request);
    if (known !== undefined) return known;
    const entry = { log: this.#findLog(request), sightings: request.ledger.sightings };
    // Until somebody knows whose session it is, the log is not final.
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
      // A request of that session may still run.
      this.#forgottenMs = this.#nowMs();
      return;
    }
  }
}
