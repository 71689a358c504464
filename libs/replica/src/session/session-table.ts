import { steadyNowMs } from './session-clock.js';
import { boundedKey, ownCopy } from './session-key.js';
import { mergeSessionStates, type SessionState } from './session-state.js';

/** One object per session. With a million of them every word of memory counts. */
interface Entry extends SessionState {
  readonly expiresAtMs: number;
}

function entryOf(state: SessionState, expiresAtMs: number): Entry {
  const { position, primaryUntilMs, unconfirmedUntilMs, servedBy, servedAtMs } = state;
  return { position, primaryUntilMs, unconfirmedUntilMs, servedBy, servedAtMs, expiresAtMs };
}

/** Settings of a {@link SessionTable}. */
export interface SessionTableOptions {
  /** The most sessions to keep; from 1, default 100,000 (about 20 MB, however long their keys are). */
  maxSessions?: number;
  /** The clock, in milliseconds since the epoch. It must not step. Default: when the process began, plus what has passed since. */
  now?: () => number;
}

/**
 * Keeps states of sessions by key, each until it expires. Expired entries are deleted as others come and go; there is no timer.
 *
 * When the table is full, the oldest session makes room. Its position becomes the floor of every session that the table does
 * not know, until the oldest session would have expired. So no session reads data older than its own write, and the price
 * of bounded memory is that unknown sessions have fewer replicas to choose from.
 */
export class SessionTable {
  readonly #entries = new Map<string, Entry>();
  readonly #maxSessions: number;
  readonly #now: () => number;
  #displaced: Entry | undefined;

  constructor({ maxSessions = 100_000, now = steadyNowMs }: SessionTableOptions = {}) {
    if (!Number.isInteger(maxSessions) || maxSessions < 1) {
      throw new RangeError(`maxSessions must be a whole number from 1, not ${String(maxSessions)}`);
    }
    this.#maxSessions = maxSessions;
    this.#now = now;
  }

  /** How many sessions are kept. Expired sessions count until they are swept. */
  get size(): number {
    return this.#entries.size;
  }

  /** The state under the key; the floor if the key is unknown. */
  load(key: string): SessionState | undefined {
    if (this.#entries.size === 0 && this.#displaced === undefined) return undefined;
    const now = this.#now();
    const entry = this.#entries.get(boundedKey(key));
    if (entry !== undefined && entry.expiresAtMs > now) return entry;
    this.#sweep(now);
    return this.#displaced !== undefined && this.#displaced.expiresAtMs > now ? this.#displaced : undefined;
  }

  /** Merges the state into the one under the key, and keeps the result for `ttlMs` milliseconds from now. */
  save(key: string, state: SessionState, ttlMs: number): void {
    const now = this.#now();
    const known = this.load(key);
    const merged = known === undefined ? state : mergeSessionStates(known, state);
    const kept = ownCopy(boundedKey(key));
    this.#entries.delete(kept);
    this.#sweep(now);
    if (this.#entries.size >= this.#maxSessions) this.#displaceOldest(now);
    this.#entries.set(kept, entryOf(merged, now + ttlMs));
  }

  /** A `Map` keeps insertion order and a save inserts anew, so the entries that expire first stand first. */
  #sweep(now: number): void {
    for (const [key, entry] of this.#entries) {
      if (entry.expiresAtMs > now) return;
      this.#entries.delete(key);
    }
  }

  #displaceOldest(now: number): void {
    for (const [key, { position, primaryUntilMs, unconfirmedUntilMs, expiresAtMs }] of this.#entries) {
      this.#entries.delete(key);
      // Where one session reads from says nothing about other sessions.
      const state: SessionState = { position, primaryUntilMs, unconfirmedUntilMs };
      const before = this.#displaced;
      this.#displaced =
        before !== undefined && before.expiresAtMs > now
          ? entryOf(mergeSessionStates(before, state), Math.max(before.expiresAtMs, expiresAtMs))
          : entryOf(state, expiresAtMs);
      return;
    }
  }
}
