import type { SessionState } from './session-state.js';

/**
 * Keeps the state of sessions between requests. An implementation answers at once or with a promise, merges a save with what it
 * has (`mergeSessionStates`), and really deletes what has expired.
 */
export interface SessionStore {
  /** The state under the key; `undefined` if there is none, or if it has expired. */
  load(key: string): SessionState | undefined | Promise<SessionState | undefined>;
  /** Merges the state into the one under the key, and keeps the result for `ttlMs` milliseconds. The response waits for it. */
  save(key: string, state: SessionState, ttlMs: number): void | Promise<void>;
  /**
   * Reserves a save that will be completed later, so that no response has to wait for the position of its writes. Only for a
   * store in this process's memory, if no other process serves its sessions.
   *
   * The library calls the returned function once to make the save; it must not throw. Until then, `load` of the key has to
   * call `hurry`, and returns a promise that waits for the save. `undefined`: the store cannot announce now, and the
   * response waits for `save`.
   */
  announce?(key: string, hurry: () => void): ((state: SessionState, ttlMs: number) => void) | undefined;
}
