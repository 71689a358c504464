import { hashText } from '../routing/rendezvous.js';
import type { SessionView } from '../routing/route-query.js';
import type { RequestSession } from './request-session.js';
import { boundedKey } from '../session/session-key.js';
import { mergeSessionStates, NEW_SESSION, type SessionState } from '../session/session-state.js';
import type { SessionStore } from '../session/session-store.js';
import type { SessionTable } from '../session/session-table.js';

/** What a {@link SessionHandle} works with. */
export interface SessionHandleOptions {
  /** Whoever made the store handles its failures. */
  readonly store: SessionStore;
  /** How long a read waits for the state, which a write under way may delay, before it goes to the primary; milliseconds. */
  readonly timeoutMs: number;
  /** What requests of this process saved recently, for those under way. Not needed if the store is this process's memory. */
  readonly recent?: SessionTable;
  /** How long a saved state is kept; milliseconds. */
  readonly ttlMs: number;
  /** The session's key, from what is known of the request; `null`: there is none; `undefined`: not known yet. May throw. */
  readonly resolveKey: (context: unknown) => string | null | undefined;
  /** Precedes every key, because one store may serve several data sources, whose positions must not mix. */
  readonly keyPrefix?: string;
}

type Status = SessionView['status'];

/** A loaded state counts as current for this long; milliseconds. Few requests take longer, so most load once. */
const RELOAD_AFTER_MS = 1_000;

const NONE: readonly never[] = [];

const UNRESOLVED: SessionView = Object.freeze({
  keyHash: 0,
  status: 'unresolved',
  onPrimary: false,
  isUnconfirmed: false,
});

/**
 * The session of one request. It finds its key as late as needed, because authentication may run after us; loads its state once,
 * and only if a read depends on it; and saves what the request adds.
 */
export class SessionHandle implements RequestSession {
  readonly #options: SessionHandleOptions;
  /** What the key is found from. */
  #context: unknown;
  #key: string | null | undefined;
  /** Why the key could not be found at the last attempt. */
  #failure: { readonly error: unknown } | undefined;
  /** What `resolveKey` returned last, and the key that results from it. */
  #resolved: { readonly text: string; readonly key: string } | undefined;
  #keyHash = 0;
  /** Keys of the other sessions that saves go to. */
  #boundKeys: readonly string[] = NONE;
  /** The status once the key is known. */
  #status: Exclude<Status, 'unresolved'> = 'loading';
  #state: SessionState = NEW_SESSION;
  #loading: Promise<void> | undefined;
  #loadedAtMs = 0;
  /** 0 for a store that answers at once: it is asked each time. */
  #reloadAfterMs = RELOAD_AFTER_MS;

  /** @param context for `resolveKey`, until {@link conclude} is given a better one */
  constructor(options: SessionHandleOptions, context?: unknown) {
    this.#options = options;
    this.#context = context;
    if (this.isLocal) this.#reloadAfterMs = 0;
  }

  /**
   * The handler begins: a key that is not found now will never be. Loads nothing. If `resolveKey` throws even now, so does this:
   * nobody can tell whose session it is, so the request must not write.
   */
  conclude(context = this.#context): void {
    this.#context = context;
    this.#findKey();
    if (this.#key === undefined && this.#failure !== undefined) throw this.#failure.error;
    this.#key ??= null;
  }

  get standing(): RequestSession['standing'] {
    this.#findKey();
    return this.#key === undefined ? 'unresolved' : this.#key === null ? 'none' : 'known';
  }

  get mayBeSaved(): boolean {
    return this.isBoundElsewhere || this.#keyNow() !== undefined;
  }

  /** What routing needs to know; `undefined`: there is no session. Loads nothing: see {@link loaded}. `nowMs`: by the sessions' clock. */
  view(nowMs: number): SessionView | undefined {
    this.#findKey();
    if (this.#key === undefined) return UNRESOLVED;
    if (this.#key === null) return undefined;
    this.#outdate();
    const recent = this.#options.recent?.load(this.#key);
    if (recent !== undefined) this.#learned(recent);
    const { position, primaryUntilMs = 0, unconfirmedUntilMs = 0, servedBy, servedAtMs } = this.#state;
    return {
      keyHash: this.#keyHash,
      status: this.#status,
      position,
      onPrimary: primaryUntilMs > nowMs,
      isUnconfirmed: unconfirmedUntilMs > nowMs,
      primaryUntilMs,
      unconfirmedUntilMs,
      servedBy,
      servedAtMs,
      notedForMs: servedAtMs === undefined || this.isLocal ? undefined : nowMs - servedAtMs,
      isOutdated: this.#status !== 'loaded',
    };
  }

  /** Starts loading unless that has begun. Resolves when the state is loaded or cannot be. Never rejects. */
  async loaded(): Promise<void> {
    this.#findKey();
    this.#startLoading();
    await this.#loading;
  }

  bind(key: string): boolean {
    const bound = this.#keyOf(key);
    if (!this.#boundKeys.includes(bound)) this.#boundKeys = [...this.#boundKeys, bound];
    return true;
  }

  get isBoundElsewhere(): boolean {
    return this.#boundKeys.length > 0;
  }

  /** Saves what the request adds: to the session, if it has a key by now, and to those it is bound to. Never rejects. */
  async save(state: SessionState): Promise<void> {
    const before = this.#key ?? undefined;
    const others = this.#otherKeys();
    if (before !== undefined) this.#learned(state);
    const saving = before === undefined ? undefined : this.#saveTo(before, state);
    if (others.length > 0) await Promise.all(others.map((key) => this.#saveTo(key, state)));
    await saving;
  }

  async #saveTo(key: string, added: SessionState): Promise<void> {
    const { store, ttlMs, recent } = this.#options;
    const state = this.#stateFor(key, added);
    recent?.save(key, state, RELOAD_AFTER_MS);
    try {
      await store.save(key, state, ttlMs);
    } catch {
      // Whoever made the store has handled it.
    }
  }

  /** The keys to save under besides the one that the request came with. */
  #otherKeys(): readonly string[] {
    const before = this.#key ?? undefined;
    // The response may give the session its first key, or another one (a log-in changes the cookie). The next request comes with that.
    const now = this.#keyNow();
    if (now === before && !this.isBoundElsewhere) return NONE;
    const keys = now === undefined ? this.#boundKeys : [now, ...this.#boundKeys];
    return [...new Set(keys)].filter((key) => key !== before);
  }

  /** What to save under a key: for the session's own key what is new, for any other all there is. A bound session keeps its own replica. */
  #stateFor(key: string, state: SessionState): SessionState {
    if (key === this.#key) return state;
    const merged = mergeSessionStates(this.#state, state);
    return this.#boundKeys.includes(key) ? { ...merged, servedBy: undefined, servedAtMs: undefined } : merged;
  }

  get isShared(): boolean {
    return !this.isLocal;
  }

  get isLocal(): boolean {
    return this.#options.store.announce !== undefined;
  }

  announce(hurry: () => void): ((state: SessionState) => void) | undefined {
    const { store, ttlMs } = this.#options;
    const before = this.#key ?? undefined;
    const others = this.#otherKeys();
    if (before !== undefined && others.length === 0) {
      const save = store.announce?.(before, hurry);
      return (
        save &&
        ((state) => {
          this.#learned(state);
          save(state, ttlMs);
        })
      );
    }
    const keys = before === undefined ? others : [before, ...others];
    const saves: ((state: SessionState) => void)[] = [];
    for (const key of keys) {
      const save = store.announce?.(key, hurry);
      if (save === undefined) {
        // Completes the saves announced so far, with nothing new, so that nobody waits for them.
        for (const other of saves) other(NEW_SESSION);
        return undefined;
      }
      saves.push((state) => save(this.#stateFor(key, state), ttlMs));
    }
    return (state) => {
      if (before !== undefined) this.#learned(state);
      for (const save of saves) save(state);
    };
  }

  /** How long a saved state is kept; milliseconds. */
  get ttlMs(): number {
    return this.#options.ttlMs;
  }

  #learned(state: SessionState): void {
    this.#state = mergeSessionStates(this.#state, state);
  }

  /** Throws nothing, because callers could not handle it. A key that cannot be found yet counts as not known yet. */
  #findKey(): void {
    if (this.#key !== undefined) return;
    try {
      this.#failure = undefined;
      const key = this.#options.resolveKey(this.#context);
      if (key === undefined) return;
      this.#key = key === null || key === '' ? null : this.#keyOf(key);
    } catch (error) {
      this.#failure = { error };
      return;
    }
    if (this.#key !== null) this.#keyHash = hashText(this.#key);
  }

  /** The key at the end of the request. What it is found from may be gone by then, which is no error. */
  #keyNow(): string | undefined {
    try {
      const key = this.#options.resolveKey(this.#context);
      return key === null || key === undefined || key === '' ? undefined : this.#keyOf(key);
    } catch {
      return this.#key ?? undefined;
    }
  }

  /** Bounded in length, whatever the client sends. Called several times in a request, nearly always with the same text. */
  #keyOf(text: string): string {
    if (this.#resolved?.text !== text)
      this.#resolved = { text, key: boundedKey((this.#options.keyPrefix ?? '') + text) };
    return this.#resolved.key;
  }

  /** Lets a long request learn what other requests of its session did meanwhile. */
  #outdate(): void {
    if (this.#status !== 'loaded' || performance.now() - this.#loadedAtMs < this.#reloadAfterMs) return;
    this.#status = 'loading';
    this.#loading = undefined;
    if (this.#reloadAfterMs === 0) this.#startLoading();
  }

  #startLoading(): void {
    const key = this.#key;
    if (key === undefined || key === null || this.#status !== 'loading' || this.#loading !== undefined)
      return;
    try {
      const loaded = this.#options.store.load(key);
      if (loaded !== undefined && 'then' in loaded) {
        // A shared store has a time limit of its own.
        this.#loading = this.isLocal ? this.#inTime(this.#load(loaded)) : this.#load(loaded);
      } else {
        this.#reloadAfterMs = 0;
        this.#succeeded(loaded);
      }
    } catch {
      this.#status = 'unavailable';
    }
  }

  async #load(loading: Promise<SessionState | undefined>): Promise<void> {
    try {
      this.#succeeded(await loading);
    } catch {
      this.#status = 'unavailable';
    }
  }

  /** If a write under way delays the state for too long, the state counts as unavailable until it comes. */
  #inTime(loading: Promise<void>): Promise<void> {
    return new Promise((resolve) => {
      const timer = setTimeout(() => {
        this.#status = 'unavailable';
        resolve();
      }, this.#options.timeoutMs);
      void loading.then(() => {
        clearTimeout(timer);
        resolve();
      });
    });
  }

  #succeeded(state: SessionState | undefined): void {
    // Includes what this request saved meanwhile.
    this.#state = mergeSessionStates(state ?? NEW_SESSION, this.#state);
    this.#status = 'loaded';
    this.#loadedAtMs = performance.now();
  }
}
