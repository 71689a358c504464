import { mergeSessionStates, type SessionState } from './session-state.js';

/** States that are being saved, by key. Nothing is kept of a save that has ended. */
export class UnsavedStates {
  readonly #byKey = new Map<string, readonly SessionState[]>();

  /** A save begins; returns what to call when it has ended. */
  add(key: string, state: SessionState): () => void {
    this.#byKey.set(key, [...(this.#byKey.get(key) ?? []), state]);
    return () => {
      const left = this.#byKey.get(key)?.filter((other) => other !== state) ?? [];
      if (left.length === 0) this.#byKey.delete(key);
      else this.#byKey.set(key, left);
    };
  }

  /** All that is being saved under the key. */
  of(key: string): SessionState | undefined {
    return this.#byKey.get(key)?.reduce(mergeSessionStates);
  }
}
