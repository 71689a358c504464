import type { ReadLane } from './read-lane.js';

/** What a {@link LaneWatch} needs. */
export interface LaneWatchOptions {
  readonly lanes: readonly ReadLane[];
  readonly maxLifetimeMs: number;
  /** Makes the lane return its connection after its last answer. It takes no more reads. */
  readonly leave: (lane: ReadLane) => void;
  /** Cuts the lane's connection. */
  readonly discard: (lane: ReadLane) => void;
  /** Hedges the reads behind the oldest one: runs them elsewhere, too. */
  readonly hedgeBehind: (lane: ReadLane) => void;
  /** Hedges all reads, the oldest one included. */
  readonly hedgeAll: (lane: ReadLane) => void;
  /** Frees a connection for whoever waits, even if nothing else happens that would. */
  readonly giveWay: () => void;
  /** The shortest time that an answer takes. Over a long distance, an answer that takes a few times as long does not hang. */
  readonly roundTripMs: () => number;
  readonly nowMs: () => number;
}

/** Interval between two looks, in milliseconds. */
const LOOK_MS = 50;
/** Lanes only carry reads known to take a few milliseconds. One that takes this long hangs; milliseconds. */
const STUCK_MS = 150;
/** After this long the oldest read is hedged as well, because the connection itself may hang; milliseconds. */
const HEAD_STUCK_MS = 1_000;
/** A lane is given up when it has hung for this long and nobody waits for its answers any more; milliseconds. */
const DISCARD_MS = 5_000;
/** A lane that has been idle for this long goes back to the pool, which closes it in its own time; milliseconds. */
const IDLE_MS = 1_000;

/** Looks after the lanes: finds those that hang, those that are not needed, and those that are too old. */
export class LaneWatch {
  readonly #options: LaneWatchOptions;
  #timer: NodeJS.Timeout | undefined;

  constructor(options: LaneWatchOptions) {
    this.#options = options;
  }

  start(): void {
    if (this.#timer !== undefined) return;
    this.#timer = setInterval(() => this.#afterPendingAnswers(), LOOK_MS);
    // While there is something to look after, a lane's own socket keeps the process alive.
    this.#timer.unref();
  }

  stop(): void {
    clearInterval(this.#timer);
    this.#timer = undefined;
  }

  /**
   * Lets pending answers arrive first. Timers run before sockets, so this process may have been too busy to read answers that
   * came in time.
   */
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
