import type { Position } from '../session/position.js';
import type { SessionState } from '../session/session-state.js';
import type { SessionClock } from '../session/session-clock.js';
import type { OwnWrites } from './own-writes.js';

/**
 * The note of a move is dated so far ahead, milliseconds: until then requests of the session in other processes, which have not heard of
 * it, may read where it was, and what they note must not undo it.
 */
export const MOVE_AHEAD_MS = 4_000;

/** What a request has to tell its session, and what of it was told. */
export class SessionNews {
  readonly #writes: OwnWrites;
  readonly #clock: SessionClock;
  #servedBy: string | undefined;
  #aheadMs = 0;
  #notBeforeMs = 0;
  #position: Position | undefined;
  #unknownUntilMs = 0;
  #lostUntilMs = 0;
  #wasTaken = false;

  constructor(writes: OwnWrites, clock: SessionClock) {
    this.#writes = writes;
    this.#clock = clock;
  }

  /**
   * The session reads from another replica than was known. `servedAtMs`: when that was noted, perhaps by a clock that is ahead: of two
   * notes the later one counts.
   */
  movedTo(replica: string, { servedAtMs = 0 }: { readonly servedAtMs?: number } = {}): void {
    this.#servedBy = replica;
    this.#aheadMs = MOVE_AHEAD_MS;
    this.#notBeforeMs = servedAtMs + 1;
  }

  /** Where the session goes on reading from is to be noted; unless it has moved. */
  readsFrom(replica: string, { servedAtMs = 0 }: { readonly servedAtMs?: number } = {}): void {
    if (this.#servedBy !== undefined) return;
    this.#servedBy = replica;
    this.#aheadMs = 0;
    this.#notBeforeMs = servedAtMs + 1;
  }

  /** Something was told already. */
  get wasTaken(): boolean {
    return this.#wasTaken;
  }

  /** All of it is news once more: another session is to learn it. */
  tellAgain(): void {
    this.#position = undefined;
    this.#unknownUntilMs = 0;
    this.#lostUntilMs = 0;
  }

  get isAny(): boolean {
    const { position, unknownUntilMs, lostUntilMs } = this.#writes;
    const isKnown = unknownUntilMs === this.#unknownUntilMs && lostUntilMs === this.#lostUntilMs;
    return position !== this.#position || !isKnown || this.#servedBy !== undefined;
  }

  /** All of it, as far as it is known now. */
  tell(): SessionState {
    const now = this.#clock.latestMs();
    const { position, unknown, unknownUntilMs, lost, lostUntilMs } = this.#writes;
    const aheadMs = now - performance.now();
    return {
      position,
      primaryUntilMs: unknown ? unknownUntilMs + aheadMs : 0,
      unconfirmedUntilMs: lost ? lostUntilMs + aheadMs : 0,
      servedBy: this.#servedBy,
      servedAtMs: this.#servedBy === undefined ? undefined : Math.max(now + this.#aheadMs, this.#notBeforeMs),
    };
  }

  /** The same, for the last time: from now on it is no news. */
  take(): SessionState {
    const state = this.tell();
    const { position, unknownUntilMs, lostUntilMs } = this.#writes;
    this.#wasTaken = true;
    this.#position = position;
    this.#unknownUntilMs = unknownUntilMs;
    this.#lostUntilMs = lostUntilMs;
    this.#servedBy = undefined;
    return state;
  }
}
