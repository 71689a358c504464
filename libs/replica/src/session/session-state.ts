import { laterPosition, type Position } from './position.js';

/** What is kept of one session between its requests. Immutable. */
export interface SessionState {
  /** The session has written, or seen on the primary, the write history up to here. A node must have replayed it to serve the session. */
  readonly position?: Position;
  /**
   * Until then (milliseconds since the epoch, by a `SessionClock`) the session reads from the primary, because nobody could
   * learn the position of one of its writes. 0 or absent: no such write.
   */
  readonly primaryUntilMs?: number;
  /**
   * Until then (milliseconds since the epoch) the session reads from the primary unless that is away: nobody knows whether one
   * of its writes happened, and the caller was told so. 0 or absent: no such write.
   */
  readonly unconfirmedUntilMs?: number;
  /** The replica that it reads from, if that is not the one that its key ties it to. */
  readonly servedBy?: string;
  /** When `servedBy` was noted; milliseconds since the epoch. */
  readonly servedAtMs?: number;
}

/** The state of an unknown session: any eligible node may serve it. */
export const NEW_SESSION: SessionState = Object.freeze({});

/**
 * Merges two states: the later position, the later of each deadline, and the replica that was noted last. Every store merges
 * like this, because requests of one session run at the same time and may be saved in any order.
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

/**
 * Checks what a store returned, because a user's own code may have made it. `null` counts as absent, for the state and for each
 * field. Throws a `TypeError` that names what is wrong, but never the value.
 */
export function checkedState(answer: unknown): SessionState | undefined {
  if (answer === undefined || answer === null) return undefined;
  if (typeof answer !== 'object' || Array.isArray(answer))
    throw new TypeError(
      `load gave ${Array.isArray(answer) ? 'a list' : typeof answer}, not a session's state`,
    );
  const state = answer as { readonly [Part in keyof SessionState]: unknown };
  check('position', state.position, 'bigint');
  check('primaryUntilMs', state.primaryUntilMs, 'number');
  check('unconfirmedUntilMs', state.unconfirmedUntilMs, 'number');
  check('servedBy', state.servedBy, 'string');
  check('servedAtMs', state.servedAtMs, 'number');
  return {
    position: (state.position as Position | null) ?? undefined,
    primaryUntilMs: (state.primaryUntilMs as number | null) ?? undefined,
    unconfirmedUntilMs: (state.unconfirmedUntilMs as number | null) ?? undefined,
    servedBy: (state.servedBy as string | null) ?? undefined,
    servedAtMs: (state.servedAtMs as number | null) ?? undefined,
  };
}

function check(name: keyof SessionState, value: unknown, type: 'bigint' | 'number' | 'string'): void {
  const isRight = value === undefined || value === null || typeof value === type;
  if (!isRight || (type === 'number' && typeof value === 'number' && !Number.isFinite(value)))
    throw new TypeError(`load gave a state whose ${name} is ${isRight ? 'not finite' : typeof value}`);
}
