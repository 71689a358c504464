import { laterPosition, type Position } from '../session/position.js';
import type { SessionState } from '../session/session-state.js';
import type { PositionSource, ToldPosition } from './position-source.js';

/**
 * A move to another replica is noted with a date this far ahead; milliseconds. Until then, requests of the session in other
 * processes, which have not heard of the move, may read where the session was, and their notes must not undo it.
 */
export const MOVE_AHEAD_MS = 4_000;

/** When a session's replica was noted, perhaps by a clock that is ahead; milliseconds since the epoch. */
interface EarlierNote {
  readonly servedAtMs?: number;
}

/** What a session was last told of its request. */
type SavedState = Pick<Ledger, 'position' | 'uncoveredUntilMs' | 'unconfirmedUntilMs'>;

const NOTHING_SAVED: SavedState = Object.freeze({
  position: undefined,
  uncoveredUntilMs: 0,
  unconfirmedUntilMs: 0,
});

/** Captures with the same callers waiting for them. */
interface CaptureBatch {
  left: number;
  readonly waiting: (() => void)[];
}

const NONE: readonly never[] = [];

/**
 * What one request has written and was shown, and what of that its session knows.
 *
 * **A write** passes through these states. An `OpenWrite` moves it, by what becomes of the statement; the last move, from
 * `learning`, is made by the capture of a position.
 *
 * ```
 *            ┌─ nothing happened, and nothing was told ────────► gone
 *            ├─ answered, with a position behind it ───────────► covered
 *   open ────┼─ answered ──────────────► learning ──┬──────────► covered
 *            │                                      └─ failed ─► uncovered
 *            ├─ answered, but sessions stick for a time ───────► uncovered
 *            └─ the connection was lost ───────────────────────► unconfirmed
 * ```
 *
 * - **open**: from before the statement is sent, so that no read of the request slips past it. Reads of the request go to the
 *   primary. The session does not know of the write, and no response waits for it; but a token that leaves now keeps its session
 *   on the primary.
 * - **learning**: the write has happened, or may have, or its answer has told what the primary holds. A position that covers it
 *   is being learned. Reads of the request still go to the primary. The response waits, or, if the session is in this process's
 *   memory, announces the save, and whoever asks for the session waits.
 * - **covered**: a node that has replayed {@link position} shows the write. Reads of the request go to such a node, and so do
 *   reads of the session once the position is saved.
 * - **uncovered**: no position will ever cover it. Request and session read from the primary until a deadline. By then every
 *   replica that may serve has the write, unless sessions stick for a time only.
 * - **unconfirmed**: nobody knows whether it happened, and the caller was told so. Request and session read from the primary
 *   until a deadline. While the primary is away, a replica that has everything else may serve them.
 * - **gone**: it binds nobody.
 *
 * Only counts, the latest position and the latest deadlines are kept, whatever the number of writes.
 *
 * **A sighting** is something that only a position covers: data of the primary, or of a replica that the session is not known
 * to go on reading from. A position covers the sightings made before it was asked for.
 *
 * **Saved** is what the session was last told. The ledger {@link isUnsaved is unsaved} if that differs from what it holds.
 */
export class Ledger {
  readonly #positions: PositionSource;
  #openWrites = 0;
  #mayHaveWritten = false;
  #hasWritten = false;
  #writes = 0;
  /** Captures under way, in the order in which they began; most requests have none. */
  #batches: readonly CaptureBatch[] = NONE;
  #position: Position | undefined;
  #uncoveredUntilMs = 0;
  #unconfirmedUntilMs = 0;
  #sightings = 0;
  #sightingsCovered = 0;
  /** The replica that the session is to be noted to read from, and the date of the note. */
  #servedBy: string | undefined;
  #noteAheadMs = 0;
  #noteNotBeforeMs = 0;
  #saved = NOTHING_SAVED;
  #wasSaved = false;
  #isAnnounced = false;

  constructor(positions: PositionSource) {
    this.#positions = positions;
  }

  /** A write is about to be sent: it is open. */
  begin(): void {
    this.#openWrites++;
  }

  /** From open to gone. */
  abandon(): void {
    this.#openWrites--;
  }

  /** From open to learning: `capture` gives a position that covers the write, or rejects. */
  learn(capture: Promise<Position>): void {
    this.#happened();
    this.cover(capture);
  }

  /** From open to covered. */
  coverBy({ position, sightings }: ToldPosition): void {
    this.#happened();
    this.#position = laterPosition(this.#position, position);
    this.#sightingsCovered = Math.max(this.#sightingsCovered, sightings);
  }

  /** From open to uncovered. */
  leaveUncovered(): void {
    this.#happened();
    this.#uncoveredUntilMs = this.#deadlineMs();
  }

  /** From open to unconfirmed. */
  lose(): void {
    this.#end();
    this.#unconfirmedUntilMs = this.#deadlineMs();
  }

  /** From now on the request also requires the position that `capture` gives. */
  cover(capture: Promise<Position>): void {
    const batch = this.#openBatch();
    batch.left++;
    capture.then(
      (position) => {
        this.#position = laterPosition(this.#position, position);
        this.#captured(batch);
      },
      () => {
        this.#uncoveredUntilMs = this.#deadlineMs();
        this.#captured(batch);
      },
    );
  }

  /** What is uncovered or unconfirmed in `other` is so in this ledger as well, for as long as there. */
  shareDeadlines(other: Ledger): void {
    this.#uncoveredUntilMs = Math.max(this.#uncoveredUntilMs, other.uncoveredUntilMs);
    this.#unconfirmedUntilMs = Math.max(this.#unconfirmedUntilMs, other.unconfirmedUntilMs);
  }

  /** Covers everything that was written and whose position was learned. */
  get position(): Position | undefined {
    return this.#position;
  }

  /** Something was written. */
  get hasWritten(): boolean {
    return this.#hasWritten;
  }

  /** How many writes have happened so far. Those of a transaction count when it has ended, together as one. */
  get writes(): number {
    return this.#writes;
  }

  /** What the request of `other` has written is among what this one answers for. */
  countWritesOf(other: Ledger): void {
    this.#writes += other.writes;
  }

  /** As {@link hasWritten}, or the outcome of a write is not known. */
  get mayHaveWritten(): boolean {
    return this.#mayHaveWritten;
  }

  /** Some write is open, learning or uncovered. */
  get isPending(): boolean {
    return this.isUnderWay || this.isUncovered;
  }

  /** Some write is open or learning. */
  get isUnderWay(): boolean {
    return this.#openWrites > 0 || this.isLearning;
  }

  /** Some position is being learned. */
  get isLearning(): boolean {
    return this.#batches.length > 0;
  }

  /** Some write is uncovered, and its deadline is to come. */
  get isUncovered(): boolean {
    return isToCome(this.#uncoveredUntilMs);
  }

  /** Some write is unconfirmed, and its deadline is to come. */
  get isUnconfirmed(): boolean {
    return isToCome(this.#unconfirmedUntilMs);
  }

  /** The deadline of {@link isUncovered}; milliseconds of the monotonic clock, 0: there was none. */
  get uncoveredUntilMs(): number {
    return this.#uncoveredUntilMs;
  }

  /** The deadline of {@link isUnconfirmed}; milliseconds of the monotonic clock, 0: there was none. */
  get unconfirmedUntilMs(): number {
    return this.#unconfirmedUntilMs;
  }

  /** Resolves when the captures that are under way now are done; later ones do not count. Never rejects. */
  settled(): Promise<void> {
    return new Promise((resolve) => this.whenSettled(resolve));
  }

  /** As {@link settled}, by a call: each promise that is made in a request's context takes time. */
  whenSettled(tell: () => void): void {
    const last = this.#batches.at(-1);
    if (last === undefined) tell();
    else last.waiting.push(tell);
  }

  /** The session was shown what only a position covers. */
  addSighting(): void {
    if (this.#positions.sticky.mode === 'position') this.#sightings++;
    this.#isAnnounced = false;
  }

  /** How many sightings there were. */
  get sightings(): number {
    return this.#sightings;
  }

  /** Whether a sighting was made that no position covers, or will cover. */
  get hasUncoveredSightings(): boolean {
    return this.#sightings > this.#sightingsCovered;
  }

  /** A position that is asked for from now on covers all sightings until now. */
  coverSightings(): void {
    this.#sightingsCovered = this.#sightings;
  }

  /** The session reads from another replica than was known. Of two notes the later one counts. */
  movedTo(replica: string, { servedAtMs = 0 }: EarlierNote = {}): void {
    this.#servedBy = replica;
    this.#noteAheadMs = MOVE_AHEAD_MS;
    this.#noteNotBeforeMs = servedAtMs + 1;
    this.#isAnnounced = false;
  }

  /** The session goes on reading from this replica, which has to be noted, or noted anew. A move counts more. */
  readsFrom(replica: string, { servedAtMs = 0 }: EarlierNote = {}): void {
    this.#isAnnounced = false;
    if (this.#servedBy !== undefined) return;
    this.#servedBy = replica;
    this.#noteAheadMs = 0;
    this.#noteNotBeforeMs = servedAtMs + 1;
  }

  /** Something was saved already. */
  get wasSaved(): boolean {
    return this.#wasSaved;
  }

  /** The session does not know all of it. */
  get isUnsaved(): boolean {
    const { position, uncoveredUntilMs, unconfirmedUntilMs } = this.#saved;
    return (
      position !== this.#position ||
      uncoveredUntilMs !== this.#uncoveredUntilMs ||
      unconfirmedUntilMs !== this.#unconfirmedUntilMs ||
      this.#servedBy !== undefined
    );
  }

  /** Whether a save of all there is was announced, and nothing has been added since. */
  get isAnnounced(): boolean {
    return this.#isAnnounced;
  }

  /** A save was announced: it will hold all that is in the ledger by now and all that is being learned. */
  announced(): void {
    this.#isAnnounced = true;
  }

  /** An announced save may lack something that is about to be added. */
  reopen(): void {
    this.#isAnnounced = false;
  }

  /** Another session is to learn all of it. */
  forgetSaved(): void {
    this.#saved = NOTHING_SAVED;
  }

  /** What the request adds to its session, as far as it is known now. */
  toSave(): SessionState {
    const now = this.#positions.clock.latestMs();
    const aheadMs = now - performance.now();
    return {
      position: this.#position,
      primaryUntilMs: this.isUncovered ? this.#uncoveredUntilMs + aheadMs : 0,
      unconfirmedUntilMs: this.isUnconfirmed ? this.#unconfirmedUntilMs + aheadMs : 0,
      servedBy: this.#servedBy,
      servedAtMs:
        this.#servedBy === undefined ? undefined : Math.max(now + this.#noteAheadMs, this.#noteNotBeforeMs),
    };
  }

  /** As {@link toSave}, for a save: from now on the session knows it. */
  takeToSave(): SessionState {
    const state = this.toSave();
    this.#saved = {
      position: this.#position,
      uncoveredUntilMs: this.#uncoveredUntilMs,
      unconfirmedUntilMs: this.#unconfirmedUntilMs,
    };
    this.#servedBy = undefined;
    this.#wasSaved = true;
    return state;
  }

  #happened(): void {
    this.#hasWritten = true;
    this.#writes++;
    this.#end();
  }

  #end(): void {
    this.#openWrites--;
    this.#mayHaveWritten = true;
    this.#isAnnounced = false;
  }

  #deadlineMs(): number {
    return performance.now() + this.#positions.unknownForMs;
  }

  /** Somebody waits for a batch: what comes later is none of it. */
  #openBatch(): CaptureBatch {
    const last = this.#batches.at(-1);
    if (last?.waiting.length === 0) return last;
    const batch: CaptureBatch = { left: 0, waiting: [] };
    this.#batches = [...this.#batches, batch];
    return batch;
  }

  /** Whoever waits for a batch waits for those before it, too. */
  #captured(batch: CaptureBatch): void {
    batch.left--;
    while (this.#batches[0]?.left === 0) {
      const [{ waiting }, ...later] = this.#batches as readonly [CaptureBatch, ...CaptureBatch[]];
      this.#batches = later;
      for (const tell of waiting) tell();
    }
  }
}

/** Mostly there is no deadline, and then no clock is asked. */
function isToCome(untilMs: number): boolean {
  return untilMs > 0 && performance.now() < untilMs;
}
