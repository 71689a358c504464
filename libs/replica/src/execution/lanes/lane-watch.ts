import type { ReadLane } from './read-lane.js';

/** What a {@link LaneWatch} works with. */
export interface LaneWatchOptions {
  readonly lanes: readonly ReadLane[];
  readonly maxLifetimeMs: number;
  /** The lane takes no more reads and gives its connection back. */
  readonly leave: (lane: ReadLane) => void;
  /** The lane's connection is cut. */
  readonly discard: (lane: ReadLane) => void;
  /** What waits behind the oldest read of the lane is to be run elsewhere. */
  readonly hedgeBehind: (lane: ReadLane) => void;
  /** So is the oldest one itself. */
  readonly hedgeAll: (lane: ReadLane) => void;
  /** Whoever waits for a connection gets one, even if nothing happens by which he would. */
  readonly giveWay: () => void;
  /** How long an answer takes at least: on a long way nothing hangs that takes a few times as much. */
  readonly roundTripMs: () => number;
  readonly nowMs: () => number;
}

/** Between two looks; milliseconds. */
const LOOK_MS = 50;
/** A lane has only reads that are known to take a few milliseconds: one that takes so long hangs; milliseconds. */
const STUCK_MS = 150;
/** Its oldest read is run elsewhere, too, after so long: it may be the connection that hangs; milliseconds. */
const HEAD_STUCK_MS = 1_000;
/** A lane that hangs so long, and on which nobody waits any more, is given up; milliseconds. */
const DISCARD_MS = 5_000;
/** A lane that has had nothing to do for so long goes back to the pool, which closes it in its own time; milliseconds. */
const IDLE_MS = 1_000;

/** Looks after lanes: finds those that hang, those that are not needed, those that are too old. */
export class LaneWatch {
  readonly #options: LaneWatchOptions;
  #timer: NodeJS.Timeout | undefined;

  constructor(options: LaneWatchOptions) {
    this.#options = options;
  }

  start(): void {
    if (this.#timer !== undefined) return;
    this.#timer = setInterval(() => this.#afterPendingAnswers(), LOOK_MS);
    // A lane's own socket keeps the process alive for as long as there is something to look after.
    this.#timer.unref();
  }

  stop(): void {
    clearInterval(this.#timer);
    this.#timer = undefined;
  }

  /** This process may itself have been too busy to read answers that came in time: timers run before sockets. */
  #afterPendingAnswers(): void {
    setImmediate(() =>
      setImmediate(() => {
        if (this.#timer !== undefined) this.look();
      }),
    );
  }

  look(): void {
    const { lanes, nowMs, maxLifetimeMs, leave, discard, hedgeBehind, hedgeAll, giveWay, roundTripMs } =
      this.#options;
    const now = nowMs();
    for (const lane of lanes.slice()) {
      const headMs = lane.headSinceMs === undefined ? 0 : now - lane.headSinceMs - 3 * roundTripMs();
      if (headMs > STUCK_MS) {
        lane.isStuck = true;
        if (headMs > DISCARD_MS && lane.isAbandoned) discard(lane);
        else if (headMs > HEAD_STUCK_MS) hedgeAll(lane);
        else hedgeBehind(lane);
      } else if (lane.inFlight === 0 && now - lane.lastAnswerMs > IDLE_MS) {
        leave(lane);
      } else if (now - lane.openedMs > maxLifetimeMs) {
        leave(lane);
      }
    }
    giveWay();
  }
}
