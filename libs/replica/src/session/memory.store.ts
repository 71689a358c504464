import type { SessionState } from './session-state.js';
import type { SessionStore } from './session-store.js';
import { SessionTable, type SessionTableOptions } from './session-table.js';

/** Settings of {@link MemorySessionStore}. */
export type MemorySessionStoreOptions = SessionTableOptions;

/**
 * Keeps sessions in the memory of this process: right for one application instance, or where a load balancer ties
 * each client to one instance. No response waits for it: what a request has written may be known a little later, and
 * the session's next request waits for that, if it comes before.
 *
 * When it is full, the oldest session makes room. Its position is not forgotten but becomes the floor of every session
 * that the store does not know, until it would have expired: bounded memory costs freshness of choice, and no session
 * reads what is older than its write.
 */
export class MemorySessionStore implements SessionStore {
  readonly #sessions: SessionTable;
  /** Saves that were announced and not made, by key. */
  readonly #announced = new Map<string, readonly Announcement[]>();

  constructor(options?: MemorySessionStoreOptions) {
    this.#sessions = new SessionTable(options);
  }

  /** How many sessions are kept, expired ones that were not yet swept included. */
  get size(): number {
    return this.#sessions.size;
  }

  /** At once, unless a save was announced that is not made yet. */
  load(key: string): SessionState | undefined | Promise<SessionState | undefined> {
    const announced = this.#announced.get(key);
    return announced === undefined ? this.#sessions.load(key) : this.#loadAfter(key, announced);
  }

  save(key: string, state: SessionState, ttlMs: number): void {
    this.#sessions.save(key, state, ttlMs);
  }

  announce(key: string, hurry: () => void): (state: SessionState, ttlMs: number) => void {
    const announcement: Announcement = { hurry, waiting: undefined };
    const others = this.#announced.get(key);
    this.#announced.set(key, others === undefined ? [announcement] : [...others, announcement]);
    return (state, ttlMs) => {
      this.save(key, state, ttlMs);
      this.#end(key, announcement);
    };
  }

  /** Waits for those that were announced by now; later ones are none of the caller's. */
  #loadAfter(key: string, announced: readonly Announcement[]): Promise<SessionState | undefined> {
    return new Promise((resolve) => {
      let left = announced.length;
      const saved = (): void => {
        if (--left === 0) resolve(this.#sessions.load(key));
      };
      for (const announcement of announced) {
        (announcement.waiting ??= []).push(saved);
        announcement.hurry();
      }
    });
  }

  #end(key: string, announcement: Announcement): void {
    const left = this.#announced.get(key)?.filter((other) => other !== announcement) ?? [];
    if (left.length === 0) this.#announced.delete(key);
    else this.#announced.set(key, left);
    for (const tell of announcement.waiting ?? []) tell();
  }
}

/** A save that is to come. */
interface Announcement {
  readonly hurry: () => void;
  /** Whoever loads the session meanwhile. */
  waiting: (() => void)[] | undefined;
}
