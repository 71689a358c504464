import type { LaneTools } from './lane-tools.js';
import type { ReadLane } from './read-lane.js';

/** The lanes of one node, as their {@link LaneWatch} sees and treats them. */
export interface WatchedLanes {
  readonly lanes: readonly ReadLane[];
  /** Makes the lane return its connection after its last answer. It takes no more reads. */
  leave(lane: ReadLane): void;
  discard(lane: ReadLane): void;
  /** Hedges the reads behind the oldest one: runs them elsewhere, too. */
  hedgeBehind(lane: ReadLane): void;
  /** Hedges all reads, the oldest one included. */
  hedgeAll(lane: ReadLane): void;
  /** Frees a connection for whoever waits, even if nothing else happens that would. */
  makeRoom(): void;
}

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
  readonly #watched: WatchedLanes;
  readonly #tools: LaneTools;
  #timer: NodeJS.Timeout | undefined;

  constructor(watched: WatchedLanes, tools: LaneTools) {
    this.#watched = watched;
    this.#tools = tools;
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

  /** Timers run before sockets, so a busy process may not have read answers that came in time. This lets it read them first. */
  #afterPendingAnswers(): void {
    setImmediate(() =>
      setImmediate(() => {
        if (this.#timer !== undefined) this.look();
      }),
    );
  }

  look(): void {
    const watched = this.#watched;
    const { costs, nowMs, maxLifetimeMs } = this.#tools;
    const now = nowMs();
    for (const lane of watched.lanes.slice()) {
      // Over a long distance, an answer that takes a few round trips does not hang.
      const headMs = lane.headSinceMs === undefined ? 0 : now - lane.headSinceMs - 3 * costs.roundTripMs;
      if (headMs > STUCK_MS) {
        lane.isStuck = true;
        if (headMs > DISCARD_MS && lane.isAbandoned) watched.discard(lane);
        else if (headMs > HEAD_STUCK_MS) watched.hedgeAll(lane);
        else watched.hedgeBehind(lane);
      } else if (lane.inFlight === 0 && now - lane.lastAnswerMs > IDLE_MS) {
        watched.leave(lane);
      } else if (now - lane.openedMs > maxLifetimeMs) {
        watched.leave(lane);
      }
    }
    watched.makeRoom();
  }
}
