import { hashText } from '../routing/rendezvous.js';
import type { SessionView } from '../routing/route-query.js';
import type { RequestSession } from './request-session.js';
import { NEW_SESSION, type SessionState } from '../session/session-state.js';
import type { SessionStore } from '../session/session-store.js';

/** What a {@link SessionHandle} works with. */
export interface SessionHandleOptions {
  readonly store: SessionStore;
  /** How long a saved state is kept; milliseconds. */
  readonly ttlMs: number;
  /** How long the store may take; milliseconds. */
  readonly timeoutMs: number;
  /** The session's key; `null`: there is none; `undefined`: not known yet. */
  readonly resolveKey: () => string | null | undefined;
  /** The store failed; the request goes on. */
  readonly onStoreError: (error: unknown, doing: 'load' | 'save') => void;
  /** The store answered. */
  readonly onStoreAnswer: () => void;
}

type Status = SessionView['status'];

const UNRESOLVED: SessionView = Object.freeze({ keyHash: 0, status: 'unresolved', onPrimary: false });

/**
 * The session of one request: finds its key as late as needed (authentication may run after us), loads its state once,
 * and saves what the request adds.
 */
export class SessionHandle implements RequestSession {
  readonly #options: SessionHandleOptions;
  #resolveKey: SessionHandleOptions['resolveKey'];
  #key: string | null | undefined;
  #keyHash = 0;
  #status: Status = 'unresolved';
  #state: SessionState = NEW_SESSION;
  #loading: Promise<void> | undefined;

  constructor(options: SessionHandleOptions) {
    this.#options = options;
    this.#resolveKey = options.resolveKey;
  }

  /** Finds the key and starts loading the state, where possible; waits for nothing. */
  begin(resolveKey = this.#resolveKey): void {
    this.#resolve(resolveKey);
    if (this.#key !== undefined && this.#key !== null && this.#status === 'unresolved') this.#load(this.#key);
  }

  /** Nothing can find the key any more that has not found it yet: the handler begins. */
  conclude(resolveKey = this.#resolveKey): void {
    this.#resolve(resolveKey);
    this.#key ??= null;
  }

  get standing(): RequestSession['standing'] {
    this.#resolve();
    return this.#key === undefined ? 'unresolved' : this.#key === null ? 'none' : 'known';
  }

  view(nowMs: number): SessionView | undefined {
    this.begin();
    if (this.#key === undefined) return UNRESOLVED;
    if (this.#key === null) return undefined;
    const { position, primaryUntilMs = 0, servedBy, servedAtMs } = this.#state;
    return {
      keyHash: this.#keyHash,
      status: this.#status,
      position,
      onPrimary: primaryUntilMs > nowMs,
      servedBy,
      servedAtMs,
    };
  }

  /** Resolves when the state is loaded or the store has failed. Never rejects. */
  async loaded(): Promise<void> {
    await this.#loading;
  }

  /** Saves what the request adds to the session, if it has a key by now. Never rejects. */
  async save(state: SessionState): Promise<void> {
    const key = this.#key ?? this.#resolveKey();
    if (key === null || key === undefined || key === '') return;
    try {
      const saved = this.#options.store.save(key, state, this.#options.ttlMs);
      if (isPromise(saved)) await this.#inTime(saved);
      this.#options.onStoreAnswer();
    } catch (error) {
      this.#options.onStoreError(error, 'save');
    }
  }

  /** How long a saved state is kept; milliseconds. */
  get ttlMs(): number {
    return this.#options.ttlMs;
  }

  #resolve(resolveKey = this.#resolveKey): void {
    this.#resolveKey = resolveKey;
    if (this.#key !== undefined) return;
    const key = resolveKey();
    if (key === undefined) return;
    this.#key = key === '' ? null : key;
    if (this.#key !== null) this.#keyHash = hashText(this.#key);
  }

  #load(key: string): void {
    this.#status = 'loading';
    try {
      const loaded = this.#options.store.load(key);
      if (!isPromise(loaded)) return this.#succeeded(loaded);
      this.#loading = this.#inTime(loaded).then(
        (state) => this.#succeeded(state),
        (error: unknown) => this.#failed(error),
      );
    } catch (error) {
      this.#failed(error);
    }
  }

  /** What the store does later than that is of no use to this request. */
  #inTime<T>(answer: Promise<T>): Promise<T> {
    const { timeoutMs } = this.#options;
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => reject(new Error(`no answer within ${timeoutMs} ms`)), timeoutMs);
      answer.then(resolve, reject).finally(() => clearTimeout(timer));
    });
  }

  #succeeded(state: SessionState | undefined): void {
    this.#state = state ?? NEW_SESSION;
    this.#status = 'loaded';
    this.#options.onStoreAnswer();
  }

  #failed(error: unknown): void {
    this.#status = 'unavailable';
    this.#options.onStoreError(error, 'load');
  }
}

function isPromise<T>(value: T | Promise<T>): value is Promise<T> {
  return typeof value === 'object' && value !== null && 'then' in value && typeof value.then === 'function';
}
