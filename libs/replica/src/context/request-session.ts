import type { SessionView } from '../routing/route-query.js';
import type { SessionState } from '../session/session-state.js';

/** The session of one request: what is known of it, and where to keep what the request adds. */
export interface RequestSession {
  /** How long a saved state is kept; milliseconds. */
  readonly ttlMs: number;
  /** `unresolved`: whose session it is will be known later; `none`: there is none. Asking loads nothing. */
  readonly standing: 'unresolved' | 'none' | 'known';
  /** Whether there is a key by now to save under: the response may have given the client one. */
  readonly mayBeSaved: boolean;
  /** What routing needs to know; `undefined`: there is no session. `nowMs`: by the sessions' clock, milliseconds since the epoch. */
  view(nowMs: number): SessionView | undefined;
  /** Resolves when the state is loaded or cannot be. Never rejects. */
  loaded(): Promise<void>;
  /**
   * From now on what is saved is saved under this key as well; that session reads where it did. `false`: its state is not kept by
   * keys.
   */
  bind(key: string): boolean;
  /** The request adds to sessions that do not read from where it does: all that it is shown has to be covered by a position. */
  readonly isBoundElsewhere: boolean;
  /** Keeps what the request adds, merged with what is there. Never rejects. */
  save(state: SessionState): Promise<void>;
  /**
   * Other processes serve it, too, and may know other replicas: then it is noted which one it reads from, though it is its home. One
   * without a note has read nothing for as long as notes are kept.
   */
  readonly isShared: boolean;
  /** Its state is in this process's memory: a save may be announced. */
  readonly isLocal: boolean;
  /**
   * Announces a save of what is not known yet: whoever asks for the session's state from now on calls `hurry` and waits. Gives how to
   * save it, once; where the session is not {@link isLocal}, `undefined`.
   */
  announce(hurry: () => void): ((state: SessionState) => void) | undefined;
}
