import type { Position } from '../session/position.js';
import type { SessionState } from '../session/session-state.js';
import type { SessionClock } from '../session/session-clock.js';
import type { OwnWrites } from './own-writes.js';

/** What a request has to tell its session, and what of it was told. */
export class SessionNews {
  readonly #writes: OwnWrites;
  readonly #clock: SessionClock;
  #servedBy: string | undefined;
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
   * The session reads from another replica than was known; or that is to be noted anew, lest it be forgotten. `servedAtMs`: when that
   * was noted last, perhaps by a clock that is ahead: of two notes the later one counts.
   */
  movedTo(replica: string, { servedAtMs = 0 }: { readonly servedAtMs?: number } = {}): void {
    this.#servedBy = replica;
    this.#notBeforeMs = servedAtMs + 1;
  }

  /** As {@link movedTo}, unless it was noted where it reads from. */
  readsFrom(node: string): void {
    this.#servedBy ??= node;
  }

  /** Something was told already. */
  get wasTaken(): boolean {
    return this.#wasTaken;
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
      servedAtMs: this.#servedBy === undefined ? undefined : Math.max(now, this.#notBeforeMs),
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
