import { laterPosition, type Position } from './position.js';

/** What is kept of one session between its requests. Immutable. */
export interface SessionState {
  /** The session has written or seen the write history up to here: only nodes at or past it may serve it. */
  readonly position?: Position;
  /**
   * Until then (milliseconds since the epoch, as `Date.now()`) the session reads from the primary: the position of one
   * of its writes could not be learned. 0 or absent: no such write.
   */
  readonly primaryUntilMs?: number;
}

/** The state of a session of which nothing is known: any eligible node may serve it. */
export const NEW_SESSION: SessionState = Object.freeze({});

/**
 * Both states at once: the later position, the later deadline. Every store merges so, because requests of one session
 * run at the same time and may be saved in any order.
 */
export function mergeSessionStates(a: SessionState, b: SessionState): SessionState {
  return {
    position: laterPosition(a.position, b.position),
    primaryUntilMs: Math.max(a.primaryUntilMs ?? 0, b.primaryUntilMs ?? 0),
  };
}
