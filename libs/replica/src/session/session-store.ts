import type { SessionState } from './session-state.js';

/**
 * Where the state of sessions is kept between requests. Implementations answer at once or by a promise, keep the
 * larger position when two saves meet (`mergeSessionStates`), and really delete what has expired.
 */
export interface SessionStore {
  /** The state last saved under the key, or `undefined` when there is none or it has expired. */
  load(key: string): SessionState | undefined | Promise<SessionState | undefined>;
  /**
   * Merges the state into what is kept under the key, and keeps the result for `ttlMs` milliseconds from now.
   * The response of the request waits for it.
   */
  save(key: string, state: SessionState, ttlMs: number): void | Promise<void>;
  /**
   * Only for a store that is this process's memory, where no other process serves its sessions: announces a save of what is not
   * known yet. The function that it returns saves, is called once, and throws nothing; until then `load` of the key
   * calls `hurry` and gives a promise that waits for it. So no response has to wait for the position of its writes. `undefined`: it
   * cannot now, and the response waits for `save`.
   */
  announce?(key: string, hurry: () => void): ((state: SessionState, ttlMs: number) => void) | undefined;
}
