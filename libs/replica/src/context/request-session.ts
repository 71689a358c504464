import type { SessionView } from '../routing/route-query.js';
import type { SessionState } from '../session/session-state.js';

/** The session of one request: what is known of it, and where to save what the request adds. */
export interface RequestSession {
  /** How long a saved state is kept; milliseconds. */
  readonly ttlMs: number;
  /** `unresolved`: nobody knows yet whose session it is; `none`: there is none. Asking loads nothing. */
  readonly standing: 'unresolved' | 'none' | 'known';
  /** Whether there is a key by now to save under. The response may have given the client one. */
  readonly mayBeSaved: boolean;
  /** What routing needs to know; `undefined`: there is no session. `nowMs`: by the sessions' clock, milliseconds since the epoch. */
  view(nowMs: number): SessionView | undefined;
  /** Resolves when the state is loaded or cannot be. Never rejects. */
  loaded(): Promise<void>;
  /**
   * From now on saves go to the session of this key as well, which keeps reading from its own replica. `false`: the state of this
   * session is not kept by keys.
   */
  bind(key: string): boolean;
  /** Saves also go to sessions that read from other nodes, so a position has to cover everything that the request is shown. */
  readonly isBoundElsewhere: boolean;
  /** Saves what the request adds, merged with what is there. Never rejects. */
  save(state: SessionState): Promise<void>;
  /**
   * Other processes serve it, too, and may know other replicas. Then its replica is noted even if that is its home, and a session
   * without a note has read nothing for as long as notes are kept.
   */
  readonly isShared: boolean;
  /** Its state is in this process's memory, so that a save may be announced. */
  readonly isLocal: boolean;
  /**
   * Reserves a save that will be completed later. Until then, whoever loads the session's state calls `hurry` and waits. Returns
   * the function that completes the save, to be called once; `undefined` if the session is not {@link isLocal}.
   */
  announce(hurry: () => void): ((state: SessionState) => void) | undefined;
}
