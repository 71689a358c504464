import type { Position } from '../session/position.js';
import type { SessionClock } from '../session/session-clock.js';

/** How long a session stays on the primary after a write: until a position is replayed, or for a time. */
export type StickyPolicy =
  { readonly mode: 'position' } | { readonly mode: 'time'; readonly windowMs: number };

/** How a request learns positions, and the time that its session goes by. */
export interface PositionSource {
  readonly sticky: StickyPolicy;
  /** The clock for session state. */
  readonly clock: SessionClock;
  /** How long reads stay on the primary after a write that no position covers; milliseconds. */
  readonly unknownForMs: number;
  /**
   * Captures the primary's position, read after this call began. Sessions will wait for replicas to replay it. The capture starts
   * at once or a little later, whichever saves work. Rejects if the position cannot be learned.
   */
  capture(): Promise<Position>;
  /** Somebody waits for the result of {@link capture}: it starts now. */
  hurry(): void;
}

/** A position that the primary told with the answer of a write. It covers the write, and that many of the request's sightings. */
export interface ToldPosition {
  readonly position: Position;
  readonly sightings: number;
}
