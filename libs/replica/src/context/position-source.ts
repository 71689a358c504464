import type { Position } from '../session/position.js';
import type { SessionClock } from '../session/session-clock.js';

/** How a session is kept fresh after a write: until a position is replayed, or for a time. */
export type StickyPolicy =
  { readonly mode: 'position' } | { readonly mode: 'time'; readonly windowMs: number };

/** What a request needs from the outside: how it learns positions. */
export interface PositionSource {
  readonly sticky: StickyPolicy;
  /** The time for what sessions keep. */
  readonly clock: SessionClock;
  /** So long after a write that no position covers reads stay on the primary; milliseconds. */
  readonly unknownForMs: number;
  /**
   * The primary's position, read after the call began; sessions will wait for replicas to replay it. Begun at once or a little
   * later, whatever saves work. Rejects when it cannot be learned.
   */
  capture(): Promise<Position>;
  /** Somebody waits for what {@link capture} gives. */
  hurry(): void;
}

/** A position that the primary told with the answer of a write. It covers the write, and that many of the request's sightings. */
export interface ToldPosition {
  readonly position: Position;
  readonly sightings: number;
}
