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
}
