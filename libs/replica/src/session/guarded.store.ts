import { SafeMessageError } from '../errors/safe-message.error.js';
import { isThenable } from './is-thenable.js';
import { SessionTable } from './session-table.js';
import { ownCopy } from './session-key.js';
import { checkedState, mergeSessionStates, type SessionState } from './session-state.js';
import type { SessionStore } from './session-store.js';

interface GuardedSessionStoreOptions {
  readonly store: SessionStore;
  /** A call that takes longer has failed; milliseconds. */
  readonly timeoutMs: number;
  readonly onFailure: (error: unknown, call: StoreCall) => void;
  readonly onAnswer: (call: StoreCall) => void;
}

export type StoreCall = 'load' | 'save';

/** At most this many sessions of one outage are saved again. Of more than that only this process knows. */
const MAX_TO_SAVE = 10_000;

type Save = (state: SessionState, ttlMs: number) => void;

/**
 * Guards a store that may be slow, down or wrong. It bounds the wait, checks the answers and reports failures.
 *
 * - While the store does not answer at all, only one call per `timeoutMs` reaches it. So few requests wait, each of them
 *   once.
 * - This process remembers what it could not save, and what it is saving now, and merges that into what it loads.
 * - It saves the rest as soon as the store answers again. Otherwise a session whose save failed would read data older than
 *   its own write once the store can be read again.
 */
export class GuardedSessionStore implements SessionStore {
  readonly announce: SessionStore['announce'];
  readonly #options: GuardedSessionStoreOptions;
  readonly #unsaved = new SessionTable();
  readonly #underWay = new SavesUnderWay();
  /** The keys to save again, each with the time for which to keep its state. */
  readonly #toSave = new Map<string, number>();
  #isSavingAgain = false;
  /** The last call got no answer in time, so none is sent until then. Milliseconds of the monotonic clock. */
  #silentUntilMs: number | undefined;

  constructor(options: GuardedSessionStoreOptions) {
    this.#options = options;
    if (options.store.announce !== undefined) this.announce = (key, hurry) => this.#announce(key, hurry);
  }

  load(key: string): SessionState | undefined | Promise<SessionState | undefined> {
    // Taken now: a save that is under way may end before the store's answer comes, which lacks it.
    const ours = this.#underWay.of(key);
    try {
      this.#assertNotSilent();
      const answer = this.#options.store.load(key);
      if (!isThenable(answer)) return this.#loaded(key, answer, ours);
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
      if (!isThenable(saving)) return this.#answered('save');
      return this.#saved(key, state, ttlMs, this.#inTime(saving));
    } catch (error) {
      return this.#notSaved(key, state, ttlMs, error);
    }
  }

  /** `undefined` if the store cannot announce: the response then waits for its save. */
  #announce(key: string, hurry: () => void): Save | undefined {
    let save: unknown;
    try {
      save = this.#options.store.announce?.(key, hurry);
      if (typeof save !== 'function') {
        if (isThenable(save)) this.#inTime(save).catch(() => undefined);
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
      if (isThenable(saving))
        this.#saved(key, state, ttlMs, this.#inTime(saving)).catch(() => {
          // `#failed` has reported it.
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

  #answered(call: StoreCall): void {
    this.#options.onAnswer(call);
    if (this.#toSave.size > 0 && !this.#isSavingAgain) void this.#saveAgain();
  }

  #failed(call: StoreCall, error: unknown): never {
    this.#options.onFailure(error, call);
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

  /** Saves one state after the other, until all are saved or the store fails again. */
  async #saveAgain(): Promise<void> {
    this.#isSavingAgain = true;
    try {
      for (const [key, ttlMs] of this.#toSave) {
        this.#toSave.delete(key);
        const state = this.#unsaved.load(key);
        if (state !== undefined) await this.save(key, state, ttlMs);
      }
    } catch {
      // `#failed` has reported it. The next answer starts another attempt.
    } finally {
      this.#isSavingAgain = false;
    }
  }

  #assertNotSilent(): void {
    if (this.#silentUntilMs === undefined) return;
    const now = performance.now();
    if (now < this.#silentUntilMs)
      throw new SafeMessageError('it has not answered lately, and was not asked');
    // This call finds out whether the store is back. Others do not wait with it.
    this.#silentUntilMs = now + this.#options.timeoutMs;
  }

  /** Rejects after `timeoutMs`. A later answer is of no use to this request, but it shows that the store answers. */
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

function merged(a: SessionState | undefined, b: SessionState | undefined): SessionState | undefined {
  return a === undefined || b === undefined ? (a ?? b) : mergeSessionStates(a, b);
}

class SavesUnderWay {
  readonly #byKey = new Map<string, readonly SessionState[]>();

  /** A save begins. Call the function that this returns when it has ended. */
  add(key: string, state: SessionState): () => void {
    this.#byKey.set(key, [...(this.#byKey.get(key) ?? []), state]);
    return () => {
      const left = this.#byKey.get(key)?.filter((other) => other !== state) ?? [];
      if (left.length === 0) this.#byKey.delete(key);
      else this.#byKey.set(key, left);
    };
  }

  of(key: string): SessionState | undefined {
    return this.#byKey.get(key)?.reduce(mergeSessionStates);
  }
}
