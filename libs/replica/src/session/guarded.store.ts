import { SessionTable } from './session-table.js';
import { mergeSessionStates, type SessionState } from './session-state.js';
import type { SessionStore } from './session-store.js';

/** What a {@link GuardedSessionStore} works with. */
export interface GuardedSessionStoreOptions {
  readonly store: SessionStore;
  /** How long the store may take; milliseconds. Then it has failed. */
  readonly timeoutMs: number;
  /** The store failed, or took too long. */
  readonly onFailure: (error: unknown, doing: StoreCall) => void;
  /** The store answered. */
  readonly onAnswer: (doing: StoreCall) => void;
}

export type StoreCall = 'load' | 'save';

/**
 * A store that may be slow or down: bounds the wait, and reports failures. While it gives no answer at all it is asked
 * now and then only, so that few requests wait for it, and each of them once. What could not be saved is known to this
 * process nevertheless, and is saved again as soon as the store answers: else a session whose save failed would read what
 * is older than its write once the store can be read again.
 */
export class GuardedSessionStore implements SessionStore {
  readonly #options: GuardedSessionStoreOptions;
  readonly #unsaved = new SessionTable();
  /** Keys of what is to be saved again, with the time to keep it. */
  readonly #toSave = new Map<string, number>();
  #isSavingAgain = false;
  /** The last call had no answer in time: until then none is sent. Milliseconds of the monotonic clock. */
  #silentUntilMs: number | undefined;

  constructor(options: GuardedSessionStoreOptions) {
    this.#options = options;
  }

  load(key: string): SessionState | undefined | Promise<SessionState | undefined> {
    let answer: SessionState | undefined | Promise<SessionState | undefined>;
    try {
      this.#assertNotSilent();
      answer = this.#options.store.load(key);
    } catch (error) {
      return this.#failed('load', error);
    }
    if (!isPromise(answer)) return this.#loaded(key, answer);
    return this.#inTime(answer).then(
      (state) => this.#loaded(key, state),
      (error: unknown) => this.#failed('load', error),
    );
  }

  save(key: string, state: SessionState, ttlMs: number): void | Promise<void> {
    let saving: void | Promise<void>;
    try {
      this.#assertNotSilent();
      saving = this.#options.store.save(key, state, ttlMs);
    } catch (error) {
      return this.#notSaved(key, state, ttlMs, error);
    }
    if (!isPromise(saving)) return this.#answered('save');
    return this.#inTime(saving).then(
      () => this.#answered('save'),
      (error: unknown) => this.#notSaved(key, state, ttlMs, error),
    );
  }

  #answered(doing: StoreCall): void {
    this.#options.onAnswer(doing);
    if (this.#toSave.size > 0 && !this.#isSavingAgain) void this.#saveAgain();
  }

  #failed(doing: StoreCall, error: unknown): never {
    this.#options.onFailure(error, doing);
    throw error;
  }

  #loaded(key: string, state: SessionState | undefined): SessionState | undefined {
    this.#answered('load');
    const unsaved = this.#unsaved.load(key);
    return unsaved === undefined || state === undefined
      ? (state ?? unsaved)
      : mergeSessionStates(state, unsaved);
  }

  #notSaved(key: string, state: SessionState, ttlMs: number, error: unknown): never {
    this.#unsaved.save(key, state, ttlMs);
    if (this.#toSave.size < MAX_TO_SAVE) this.#toSave.set(key, ttlMs);
    this.#failed('save', error);
  }

  /** One after the other, until all are saved or the store fails again. */
  async #saveAgain(): Promise<void> {
    this.#isSavingAgain = true;
    try {
      for (const [key, ttlMs] of this.#toSave) {
        this.#toSave.delete(key);
        const state = this.#unsaved.load(key);
        if (state !== undefined) await this.save(key, state, ttlMs);
      }
    } catch {
      // It was reported, and is tried again after the next answer.
    } finally {
      this.#isSavingAgain = false;
    }
  }

  #assertNotSilent(): void {
    if (this.#silentUntilMs === undefined) return;
    const now = performance.now();
    if (now < this.#silentUntilMs) throw new Error('it has not answered lately, and was not asked');
    // This call finds out; others do not wait with it.
    this.#silentUntilMs = now + this.#options.timeoutMs;
  }

  /** An answer that comes later is of no use to this request, but shows that there are answers. */
  #inTime<T>(answer: Promise<T>): Promise<T> {
    const { timeoutMs } = this.#options;
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => {
        this.#silentUntilMs = performance.now() + timeoutMs;
        reject(new Error(`no answer within ${timeoutMs} ms`));
      }, timeoutMs);
      answer
        .finally(() => {
          clearTimeout(timer);
          this.#silentUntilMs = undefined;
        })
        .then(resolve, reject);
    });
  }
}

/** Of sessions that could not be saved in one outage; of more than that, only this process knows. */
const MAX_TO_SAVE = 10_000;

function isPromise<T>(value: T | Promise<T>): value is Promise<T> {
  return typeof value === 'object' && value !== null && 'then' in value && typeof value.then === 'function';
}
