import { laterPosition, type Position } from './position.js';

/** What is kept of one session between its requests. Immutable. */
export interface SessionState {
  /** The session has written, or seen on the primary, the write history up to here: a node that serves it has as much. */
  readonly position?: Position;
  /**
   * Until then (milliseconds since the epoch, as `Date.now()`) the session reads from the primary: the position of one
   * of its writes could not be learned. 0 or absent: no such write.
   */
  readonly primaryUntilMs?: number;
  /**
   * Until then (milliseconds since the epoch) the session reads from the primary where there is one: nobody knows whether
   * one of its writes happened, and the caller was told so. 0 or absent: no such write.
   */
  readonly unconfirmedUntilMs?: number;
  /** The replica that it reads from, where that is not the one to which its key ties it. */
  readonly servedBy?: string;
  /** When `servedBy` was noted; milliseconds since the epoch. */
  readonly servedAtMs?: number;
}

/** The state of a session of which nothing is known: any eligible node may serve it. */
export const NEW_SESSION: SessionState = Object.freeze({});

/**
 * Both states at once: the later position, the later deadline, the replica that was noted last. Every store merges so,
 * because requests of one session run at the same time and may be saved in any order.
 */
export function mergeSessionStates(a: SessionState, b: SessionState): SessionState {
  if (a === NEW_SESSION) return b;
  if (b === NEW_SESSION) return a;
  const served = (b.servedAtMs ?? 0) >= (a.servedAtMs ?? 0) ? b : a;
  return {
    position: laterPosition(a.position, b.position),
    primaryUntilMs: Math.max(a.primaryUntilMs ?? 0, b.primaryUntilMs ?? 0),
    unconfirmedUntilMs: Math.max(a.unconfirmedUntilMs ?? 0, b.unconfirmedUntilMs ?? 0),
    servedBy: served.servedBy,
    servedAtMs: served.servedAtMs,
  };
}
