import { steadyNowMs } from './session-clock.js';
import { boundedKey, ownCopy } from './session-key.js';
import { mergeSessionStates, type SessionState } from './session-state.js';

/** One object for each session: of a million of them every word counts. */
interface Entry extends SessionState {
  readonly expiresAtMs: number;
}

function entryOf(state: SessionState, expiresAtMs: number): Entry {
  const { position, primaryUntilMs, unconfirmedUntilMs, servedBy, servedAtMs } = state;
  return { position, primaryUntilMs, unconfirmedUntilMs, servedBy, servedAtMs, expiresAtMs };
}

/** Settings of a {@link SessionTable}. */
export interface SessionTableOptions {
  /** At most so many sessions are kept; from 1, default 100,000 (about 20 MB, however long their keys are). */
  maxSessions?: number;
  /** The clock, in milliseconds since the epoch; it must not step. Default: the time when the process began, and what has passed since. */
  now?: () => number;
}

/**
 * States of sessions by key, each until it expires. Expired entries are deleted as others come and go; no timer runs.
 *
 * When it is full, the oldest session makes room. Its position is not forgotten but becomes the floor of every session
 * that the table does not know, until it would have expired: bounded memory costs freshness of choice, and no session
 * reads what is older than its write.
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

  /** How many sessions are kept, expired ones that were not yet swept included. */
  get size(): number {
    return this.#entries.size;
  }

  /** What is kept under the key; of one that is not known, the floor. */
  load(key: string): SessionState | undefined {
    if (this.#entries.size === 0 && this.#displaced === undefined) return undefined;
    const now = this.#now();
    const entry = this.#entries.get(boundedKey(key));
    if (entry !== undefined && entry.expiresAtMs > now) return entry;
    this.#sweep(now);
    return this.#displaced !== undefined && this.#displaced.expiresAtMs > now ? this.#displaced : undefined;
  }

  /** Merges the state into what is kept, and keeps the result for `ttlMs` milliseconds from now. */
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

  /** A Map keeps insertion order, and a save inserts anew: the entries that expire first stand first. */
  #sweep(now: number): void {
    for (const [key, entry] of this.#entries) {
      if (entry.expiresAtMs > now) return;
      this.#entries.delete(key);
    }
  }

  #displaceOldest(now: number): void {
    for (const [key, { position, primaryUntilMs, unconfirmedUntilMs, expiresAtMs }] of this.#entries) {
      this.#entries.delete(key);
      // The replica that one session reads from says nothing of the others.
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
