import { SafeMessageError } from '../errors/safe-message.error.js';
import { SessionTable } from './session-table.js';
import { ownCopy } from './session-key.js';
import { checkedState, mergeSessionStates, type SessionState } from './session-state.js';
import type { SessionStore } from './session-store.js';
import { UnsavedStates } from './unsaved-states.js';

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

type Save = (state: SessionState, ttlMs: number) => void;

/**
 * A store that may be slow, down or wrong: bounds the wait, checks the answers, and reports failures. While it gives no answer at
 * all it is asked now and then only, so that few requests wait for it, and each of them once. What could not be saved, or is being
 * saved, is known to this process nevertheless; what could not be is saved again as soon as the store answers: else a session whose
 * save failed would read what is older than its write once the store can be read again.
 */
export class GuardedSessionStore implements SessionStore {
  readonly announce: SessionStore['announce'];
  readonly #options: GuardedSessionStoreOptions;
  readonly #unsaved = new SessionTable();
  readonly #underWay = new UnsavedStates();
  /** Keys of what is to be saved again, with the time to keep it. */
  readonly #toSave = new Map<string, number>();
  #isSavingAgain = false;
  /** The last call had no answer in time: until then none is sent. Milliseconds of the monotonic clock. */
  #silentUntilMs: number | undefined;

  constructor(options: GuardedSessionStoreOptions) {
    this.#options = options;
    if (options.store.announce !== undefined) this.announce = (key, hurry) => this.#announce(key, hurry);
  }

  load(key: string): SessionState | undefined | Promise<SessionState | undefined> {
    // A save that is under way now may have ended when the store's answer, which lacks it, comes.
    const ours = this.#underWay.of(key);
    try {
      this.#assertNotSilent();
      const answer = this.#options.store.load(key);
      if (!isPromise(answer)) return this.#loaded(key, answer, ours);
      return this.#inTime(answer)
        .then((state) => this.#loaded(key, state, ours))
        .catch((error: unknown) => this.#failed('load', error));
    } catch (error) {
      return this.#failed('load', error);
    }
  }

  save(key: string, state: SessionState, ttlMs: number): void | Promise<void> {
    try {
      this.#assertNotSilent();
      const saving = this.#options.store.save(key, state, ttlMs);
      if (!isPromise(saving)) return this.#answered('save');
      return this.#saved(key, state, ttlMs, this.#inTime(saving));
    } catch (error) {
      return this.#notSaved(key, state, ttlMs, error);
    }
  }

  /** `undefined` where the store cannot: the response then waits for its save. */
  #announce(key: string, hurry: () => void): Save | undefined {
    let save: unknown;
    try {
      save = this.#options.store.announce?.(key, hurry);
      if (typeof save !== 'function') {
        if (isPromise(save)) this.#inTime(save).catch(() => undefined);
        throw new TypeError(`announce gave ${typeof save}, not a function`);
      }
    } catch (error) {
      this.#options.onFailure(error, 'save');
      return undefined;
    }
    return (state, ttlMs) => this.#saveAnnounced(save as Save, key, state, ttlMs);
  }

  #saveAnnounced(save: Save, ...[key, state, ttlMs]: Parameters<SessionStore['save']>): void {
    try {
      const saving: unknown = save(state, ttlMs);
      if (isPromise(saving))
        this.#saved(key, state, ttlMs, this.#inTime(saving)).catch(() => {
          // It was reported.
        });
    } catch (error) {
      this.#remember(key, state, ttlMs);
      this.#options.onFailure(error, 'save');
    }
  }

  async #saved(key: string, state: SessionState, ttlMs: number, saving: Promise<unknown>): Promise<void> {
    const end = this.#underWay.add(key, state);
    try {
      await saving;
    } catch (error) {
      this.#notSaved(key, state, ttlMs, error);
    } finally {
      end();
    }
    this.#answered('save');
  }

  #answered(doing: StoreCall): void {
    this.#options.onAnswer(doing);
    if (this.#toSave.size > 0 && !this.#isSavingAgain) void this.#saveAgain();
  }

  #failed(doing: StoreCall, error: unknown): never {
    this.#options.onFailure(error, doing);
    throw error;
  }

  #loaded(key: string, answer: unknown, ours: SessionState | undefined): SessionState | undefined {
    const state = checkedState(answer);
    this.#answered('load');
    const unsaved = merged(merged(ours, this.#underWay.of(key)), this.#unsaved.load(key));
    return merged(state, unsaved);
  }

  #notSaved(key: string, state: SessionState, ttlMs: number, error: unknown): never {
    this.#remember(key, state, ttlMs);
    this.#failed('save', error);
  }

  #remember(key: string, state: SessionState, ttlMs: number): void {
    this.#unsaved.save(key, state, ttlMs);
    if (this.#toSave.size < MAX_TO_SAVE) this.#toSave.set(ownCopy(key), ttlMs);
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
    if (now < this.#silentUntilMs)
      throw new SafeMessageError('it has not answered lately, and was not asked');
    // This call finds out; others do not wait with it.
    this.#silentUntilMs = now + this.#options.timeoutMs;
  }

  /** An answer that comes later is of no use to this request, but shows that there are answers. */
  #inTime<T>(answer: PromiseLike<T>): Promise<T> {
    const { timeoutMs } = this.#options;
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => {
        this.#silentUntilMs = performance.now() + timeoutMs;
        reject(new SafeMessageError(`no answer within ${timeoutMs} ms`));
      }, timeoutMs);
      Promise.resolve(answer)
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

function merged(a: SessionState | undefined, b: SessionState | undefined): SessionState | undefined {
  return a === undefined || b === undefined ? (a ?? b) : mergeSessionStates(a, b);
}

function isPromise(value: unknown): value is PromiseLike<unknown> {
  return typeof value === 'object' && value !== null && 'then' in value && typeof value.then === 'function';
}
