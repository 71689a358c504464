import { laterPosition, type Position } from '../session/position.js';

/**
 * What one request has written, and how far the write history was after it. A write is begun before it is sent, so
 * that no read of the same request slips past it, and completed with the capture of a position that covers it.
 */
export class OwnWrites {
  #open = 0;
  #capturing = 0;
  /** Who is to be told when no capture is under way; most requests write nothing. */
  #waiting: (() => void)[] | undefined;
  #position: Position | undefined;
  #unknown = false;
  #lost = false;

  /** A write is about to be sent. */
  begin(): void {
    this.#open++;
  }

  /** The write is known not to have happened. */
  abandon(): void {
    this.#open--;
  }

  /** Nobody knows whether the write happened, or when it will have: its connection was lost. */
  lose(): void {
    this.#open--;
    this.#lost = true;
  }

  /** The write has, or may have, happened, and no position will ever cover it. */
  completeUnknown(): void {
    this.#open--;
    this.#unknown = true;
  }

  /** The write has, or may have, happened; `capture` gives a position that covers it, or rejects. */
  complete(capture: Promise<Position>): void {
    this.#open--;
    this.cover(capture);
  }

  /** The write has, or may have, happened; `position` covers it. */
  completeAt(position: Position): void {
    this.#open--;
    this.#position = laterPosition(this.#position, position);
  }

  /** From now on the request also has to see what `capture` gives. */
  cover(capture: Promise<Position>): void {
    this.#capturing++;
    capture.then(
      (position) => {
        this.#position = laterPosition(this.#position, position);
        this.#captured();
      },
      () => {
        this.#unknown = true;
        this.#captured();
      },
    );
  }

  /** A write is under way, or its position is not known (yet). */
  get pending(): boolean {
    return this.#open > 0 || this.#capturing > 0 || this.#unknown;
  }

  /** The position of some completed write is being learned. */
  get isCapturing(): boolean {
    return this.#capturing > 0;
  }

  /** The position of some write cannot be learned. */
  get unknown(): boolean {
    return this.#unknown;
  }

  /** The outcome of some write was never learned: its caller was told so. */
  get lost(): boolean {
    return this.#lost;
  }

  /** Covers all writes whose capture has succeeded. */
  get position(): Position | undefined {
    return this.#position;
  }

  /** Resolves when no capture is under way. Never rejects. */
  settled(): Promise<void> {
    return new Promise((resolve) => this.whenSettled(resolve));
  }

  /** As {@link settled}, by a call: each promise that is made takes time in a request's context. */
  whenSettled(tell: () => void): void {
    if (this.#capturing === 0) tell();
    else (this.#waiting ??= []).push(tell);
  }

  #captured(): void {
    this.#capturing--;
    const waiting = this.#waiting;
    if (this.#capturing > 0 || waiting === undefined) return;
    this.#waiting = undefined;
    for (const tell of waiting) tell();
  }
}
