import type { SessionState } from './session-state.js';
import type { SessionStore } from './session-store.js';
import { SessionTable, type SessionTableOptions } from './session-table.js';

/** Settings of {@link MemorySessionStore}. */
export type MemorySessionStoreOptions = SessionTableOptions;

/**
 * Keeps sessions in the memory of this process. That is right for a single instance of the application, or if a load balancer
 * ties each client to one instance.
 *
 * No response waits for a save. The position of a write may become known a little later; if the session's next request
 * comes before that, the request waits.
 *
 * When the store is full, the oldest session makes room. Its position becomes the floor of every session that the store does
 * not know, until the oldest session would have expired. So no session reads data older than its own write, and the price
 * of bounded memory is that unknown sessions have fewer replicas to choose from.
 */
export class MemorySessionStore implements SessionStore {
  readonly #sessions: SessionTable;
  /** Saves that were announced but not made yet, by key. */
  readonly #announced = new Map<string, readonly Announcement[]>();

  constructor(options?: MemorySessionStoreOptions) {
    this.#sessions = new SessionTable(options);
  }

  /** How many sessions are kept. Expired sessions count until they are swept. */
  get size(): number {
    return this.#sessions.size;
  }

  /** Answers at once, unless a save was announced and not made yet. */
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

  /** Waits for the saves announced so far. Later ones do not concern the caller. */
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

interface Announcement {
  readonly hurry: () => void;
  /** Callbacks of those who load the session in the meantime. */
  waiting: (() => void)[] | undefined;
}
