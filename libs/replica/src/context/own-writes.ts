import { laterPosition, type Position } from '../session/position.js';

/**
 * What one request has written, and how far the write history was after it. A write is begun before it is sent, so
 * that no read of the same request slips past it, and completed with the capture of a position that covers it.
 */
export class OwnWrites {
  #open = 0;
  #hasEnded = false;
  /** Captures under way, in the order in which they began; most requests have none. */
  #batches: readonly Batch[] = NONE;
  #position: Position | undefined;
  #unknownUntilMs = 0;
  #lostUntilMs = 0;
  readonly #unknownForMs: number;

  /** @param unknownForMs so long after a write that no position covers reads stay on the primary; milliseconds */
  constructor(unknownForMs: number) {
    this.#unknownForMs = unknownForMs;
  }

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
    this.#end();
    this.#lostUntilMs = this.#untilMs();
  }

  /** The write has, or may have, happened, and no position will ever cover it. */
  completeUnknown(): void {
    this.#end();
    this.#unknownUntilMs = this.#untilMs();
  }

  /** The write has, or may have, happened; `capture` gives a position that covers it, or rejects. */
  complete(capture: Promise<Position>): void {
    this.#end();
    this.cover(capture);
  }

  /** The write has, or may have, happened; `position` covers it. */
  completeAt(position: Position): void {
    this.#end();
    this.#position = laterPosition(this.#position, position);
  }

  /** From now on the request also has to see what `capture` gives. */
  cover(capture: Promise<Position>): void {
    const batch = this.#openBatch();
    batch.left++;
    capture.then(
      (position) => {
        this.#position = laterPosition(this.#position, position);
        this.#captured(batch);
      },
      () => {
        this.#unknownUntilMs = this.#untilMs();
        this.#captured(batch);
      },
    );
  }

  /** Some write was made, or may have been. */
  get isAny(): boolean {
    return this.#hasEnded;
  }

  /** A write is under way, or its position is not known (yet). */
  get pending(): boolean {
    return this.isUnderWay || this.unknown;
  }

  /** A write is under way, or its position is being learned. */
  get isUnderWay(): boolean {
    return this.#open > 0 || this.isCapturing;
  }

  /** The position of some completed write is being learned. */
  get isCapturing(): boolean {
    return this.#batches.length > 0;
  }

  /** The position of some write cannot be learned, and it is not so long ago that every replica that serves has it. */
  get unknown(): boolean {
    return isToCome(this.#unknownUntilMs);
  }

  /** The outcome of some write was never learned, its caller was told so, and it is not so long ago as for {@link unknown}. */
  get lost(): boolean {
    return isToCome(this.#lostUntilMs);
  }

  /** Until when {@link unknown} lasts; milliseconds of the monotonic clock, 0: it never began. */
  get unknownUntilMs(): number {
    return this.#unknownUntilMs;
  }

  /** The same of {@link lost}. */
  get lostUntilMs(): number {
    return this.#lostUntilMs;
  }

  /** From now on what is not known of the writes of another request is not known of these, for as long as of those. */
  shareDeadlines(other: OwnWrites): void {
    this.#unknownUntilMs = Math.max(this.#unknownUntilMs, other.unknownUntilMs);
    this.#lostUntilMs = Math.max(this.#lostUntilMs, other.lostUntilMs);
  }

  /** Covers all writes whose capture has succeeded. */
  get position(): Position | undefined {
    return this.#position;
  }

  /** Resolves when the captures that are under way now are done; later ones are none of the caller's. Never rejects. */
  settled(): Promise<void> {
    return new Promise((resolve) => this.whenSettled(resolve));
  }

  /** As {@link settled}, by a call: each promise that is made takes time in a request's context. */
  whenSettled(tell: () => void): void {
    const last = this.#batches.at(-1);
    if (last === undefined) tell();
    else last.waiting.push(tell);
  }

  /** Somebody waits for a batch: what comes later is none of it. */
  #openBatch(): Batch {
    const last = this.#batches.at(-1);
    if (last?.waiting.length === 0) return last;
    const batch: Batch = { left: 0, waiting: [] };
    this.#batches = [...this.#batches, batch];
    return batch;
  }

  #end(): void {
    this.#open--;
    this.#hasEnded = true;
  }

  #untilMs(): number {
    return performance.now() + this.#unknownForMs;
  }

  /** Who waits for a batch waits for those before it, too. */
  #captured(batch: Batch): void {
    batch.left--;
    while (this.#batches[0]?.left === 0) {
      const [{ waiting }, ...later] = this.#batches as readonly [Batch, ...Batch[]];
      this.#batches = later;
      for (const tell of waiting) tell();
    }
  }
}

/** Captures for which the same callers wait. */
interface Batch {
  left: number;
  readonly waiting: (() => void)[];
}

const NONE: readonly never[] = [];

/** Mostly there is no deadline, and then no clock is asked. */
function isToCome(untilMs: number): boolean {
  return untilMs > 0 && performance.now() < untilMs;
}
