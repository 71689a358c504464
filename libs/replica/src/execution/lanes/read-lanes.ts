import { messageOf } from '../../errors/describe-error.js';
import { PoolBusyError } from '../../errors/pool-busy.error.js';
import { PoolExhaustedError } from '../../errors/pool-exhausted.error.js';
import type { Answer, Connection, Database, LaneCall, Outside } from '../database.js';
import type { BetterElsewhere } from '../pools/take-connection.js';
import { LaneRead, type LaneReadOptions } from './lane-read.js';
import { LaneWatch } from './lane-watch.js';
import type { AnswerClock } from './loop-clock.js';
import { ReadLane } from './read-lane.js';
import type { StatementCost, StatementCosts } from './statement-cost.js';

/** When and how many reads are prepared. */
interface PreparePolicy {
  /** A text is prepared from its nth use on. */
  readonly after: number;
  /** How many statements are kept on each connection. Each one takes memory on the server. */
  readonly perConnection: number;
}

/** How reads share connections. */
export interface LaneSettings {
  /** `undefined`: nothing is prepared. */
  readonly prepare?: PreparePolicy;
}

/** The connections of one node, as reads use them. */
export interface ReadConnections {
  /** Waits for a connection like anybody else, unless another node could provide one at once. */
  checkout(isBetterElsewhere: BetterElsewhere | undefined): Promise<Connection>;
  release(connection: Connection, error?: unknown): void;
  /**
   * Runs one read and returns the connection. `ended` then learns whether the read was answered, and how long it took if that is
   * worth knowing.
   */
  run(
    connection: Connection,
    args: readonly unknown[],
    ended: (isAnswered: boolean, tookMs?: number) => void,
  ): Promise<Answer>;
  /** Whether the connection has not run a statement yet. Returns `true` only once per connection. */
  takeFresh(connection: Connection): boolean;
  /** The error of a statement, with the reason for a lost connection added if it is known. */
  explain(connection: Connection, error: unknown): unknown;
}

/** The pool that lanes take their connections from. */
interface LanePool {
  /** Whether a connection can be had without making anybody wait. */
  hasRoom(): boolean;
  /** Calls {@link ReadLanes.giveWay} with the number of those who wait. */
  giveWay(): void;
  /** Runs a read on a connection of its own. */
  runAlone(call: LaneCall, cost: StatementCost): Promise<Answer>;
}

/** What {@link ReadLanes} need. */
export interface ReadLanesOptions {
  readonly database: Database;
  readonly connections: Omit<ReadConnections, 'run'>;
  readonly pool: LanePool;
  readonly costs: StatementCosts;
  readonly clock: AnswerClock;
  /** `undefined`: nothing is prepared. */
  readonly prepare: PreparePolicy | undefined;
  /** After this long a lane returns its connection; milliseconds, or `Infinity`. */
  readonly maxLifetimeMs: number;
  readonly onMeasured: (tookMs: number) => void;
  /** An idle lane was lost. */
  readonly onIdleError: (error: Error, connection: Connection) => void;
  readonly outside: Outside;
  readonly nowMs: () => number;
}

/** How much work of others a read waits for at most before the pool opens another lane; milliseconds. */
const NEW_LANE_MS = 5;
/** The last lane is kept for reads if it was used within this time; milliseconds. */
const RECENTLY_MS = 1_000;
/**
 * How many prepared statements may be lost within `WITHIN_MS`. Beyond that, something between here and the server does not
 * support them.
 */
const MAX_LOST = 10;
/** How many lanes may hang within `WITHIN_MS` while other connections do not. */
const MAX_HUNG = 2;
const WITHIN_MS = 60_000;

/**
 * The connections of one node that reads share. They come from the node's pool, and go back to it after a while without work or
 * when somebody waits for a connection. They only carry statements known to be fast.
 */
export class ReadLanes {
  readonly #options: ReadLanesOptions;
  readonly #lanes: ReadLane[] = [];
  readonly #watch: LaneWatch;
  /** Reads that no lane takes right now. A lane is being opened for them. */
  #waiting: LaneRead[] = [];
  #isOpening = false;
  #isEnded = false;
  #prepare: PreparePolicy | undefined;
  readonly #lostStatements: RecentCount;
  readonly #hungLanes: RecentCount;

  constructor(options: ReadLanesOptions) {
    this.#options = options;
    this.#prepare = options.prepare;
    this.#lostStatements = new RecentCount(WITHIN_MS, options.nowMs);
    this.#hungLanes = new RecentCount(WITHIN_MS, options.nowMs);
    this.#watch = new LaneWatch({
      lanes: this.#lanes,
      nowMs: options.nowMs,
      maxLifetimeMs: options.maxLifetimeMs,
      leave: (lane) => this.#leave(lane),
      discard: (lane) => this.#discard(lane),
      hedgeBehind: (lane) => this.#hedgeBehind(lane),
      hedgeAll: (lane) => lane.reads.forEach((read) => this.#hedge(read)),
      giveWay: () => options.pool.giveWay(),
      roundTripMs: () => options.costs.roundTripMs,
    });
  }

  /** Whether something between here and the server cannot handle several statements at once. If so, there are no more lanes. */
  isUnsupported = false;

  run(call: LaneCall, cost: StatementCost, options: LaneReadOptions): Promise<Answer> {
    const read = new LaneRead({ call, cost }, options, this.#options.database.errors);
    this.#send(read);
    return read.result;
  }

  /**
   * Gives up as many lanes as there are callers waiting for a connection of their own. The last lane in use is kept unless
   * `mayTakeLast`, because otherwise slow reads would stop all fast ones.
   */
  giveWay(waiting: number, mayTakeLast: boolean): void {
    let wanted = waiting;
    for (const { isLeaving } of this.#lanes) if (isLeaving) wanted--;
    while (wanted-- > 0) {
      const lane = leastBusy(this.#lanes);
      if (lane === undefined) return;
      const isLast = !this.#lanes.some((other) => other !== lane && isUsable(other));
      if (isLast && !mayTakeLast && this.#isInUse(lane)) return;
      this.#leave(lane);
    }
  }

  /** Takes no more reads. Each lane returns its connection after its last answer. */
  end(): void {
    this.#isEnded = true;
    this.#watch.stop();
    // A lane that leaves changes the list.
    for (const lane of this.#lanes.slice()) this.#leave(lane);
  }

  #send(read: LaneRead): void {
    const lane = this.#choose();
    if (lane !== undefined) return lane.send(read);
    this.#waiting.push(read);
    this.#open();
  }

  /** Picks an idle lane, or else the least loaded one. If even that one has much to do and there is room, opens another lane. */
  #choose(): ReadLane | undefined {
    const lane = leastBusy(this.#lanes);
    if (lane === undefined || lane.backlogMs <= NEW_LANE_MS) return lane;
    // The new lane is for later reads: this one is answered before a connection is open.
    if (!this.#isOpening && this.#options.pool.hasRoom()) this.#open();
    return lane;
  }

  #isInUse(lane: ReadLane): boolean {
    return lane.inFlight > 0 || this.#options.nowMs() - lane.lastFastMs < RECENTLY_MS;
  }

  #open(): void {
    if (this.#isOpening) return;
    this.#isOpening = true;
    this.#options.connections.checkout(this.#isBetterElsewhere).then(
      (connection) => this.#opened(connection),
      (error: unknown) => this.#failedToOpen(error),
    );
  }

  #opened(connection: Connection): void {
    this.#isOpening = false;
    const { database, connections, costs, clock, onMeasured, nowMs, prepare } = this.#options;
    if (this.#isEnded) {
      connections.release(connection);
      this.#failWaiting(new Error('Client was closed: the pool has ended'));
      return;
    }
    this.#lanes.push(
      new ReadLane({
        database,
        connection,
        maxPrepared: prepare?.perConnection ?? 0,
        isFresh: connections.takeFresh(connection),
        explain: (error) => connections.explain(connection, error),
        costs,
        shouldPrepare: ({ cost }) => this.#prepare !== undefined && cost.uses >= this.#prepare.after,
        onPreparedLost: () => this.#preparedLost(),
        onMeasured,
        clock,
        onAnswer: this.#onAnswer,
        onLost: this.#onLost,
        nowMs,
      }),
    );
    this.#options.outside(() => this.#watch.start());
    this.#sendWaiting();
  }

  #failedToOpen(error: unknown): void {
    this.#isOpening = false;
    // While another lane can take the reads, nobody needs to know.
    if (this.#lanes.some(isUsable)) this.#sendWaiting();
    else if (error instanceof PoolBusyError) this.#sendElsewhere(error);
    else this.#failWaiting(error);
  }

  readonly #isBetterElsewhere: BetterElsewhere = (node) =>
    this.#waiting.some(({ isBetterElsewhere }) => isBetterElsewhere?.(node) === true);

  /** Rejects the reads that may run elsewhere. The others keep waiting. */
  #sendElsewhere(error: PoolBusyError): void {
    const staying = this.#waiting.filter(({ isBetterElsewhere }) => isBetterElsewhere === undefined);
    this.#waiting = this.#waiting.filter(({ isBetterElsewhere }) => isBetterElsewhere !== undefined);
    this.#failWaiting(error);
    this.#waiting = [...staying, ...this.#waiting];
    if (this.#waiting.length > 0) this.#open();
  }

  #failWaiting(error: unknown): void {
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const read of waiting) {
      read.sent();
      read.failed(error, true);
    }
  }

  #sendWaiting(): void {
    const waiting = this.#waiting;
    if (waiting.length === 0) return;
    this.#waiting = [];
    for (const read of waiting) if (!read.isSettled) this.#send(read);
  }

  readonly #onAnswer = (lane: ReadLane): void => {
    if (lane.isLeaving) {
      if (lane.inFlight === 0) this.#leave(lane);
    } else {
      this.#sendWaiting();
    }
  };

  readonly #onLost = (lane: ReadLane, error: unknown): void => {
    if (this.#options.database.errors.isLaneRefusal(error)) this.isUnsupported = true;
    this.#lost(lane, error);
  };

  /** Whatever was under way on the lane fails by itself, and its caller runs it elsewhere. */
  #lost(lane: ReadLane, error: unknown): void {
    if (!this.#remove(lane)) return;
    const isIdle = lane.inFlight === 0;
    const { database, connections, onIdleError } = this.#options;
    const connection = lane.leave();
    connections.release(connection, database.errors.connectionLost(messageOf(error)));
    if (isIdle) onIdleError(error as Error, connection);
  }

  #leave(lane: ReadLane): void {
    lane.isLeaving = true;
    if (lane.inFlight === 0 && this.#remove(lane)) this.#options.connections.release(lane.leave());
  }

  #remove(lane: ReadLane): boolean {
    const index = this.#lanes.indexOf(lane);
    if (index >= 0) this.#lanes.splice(index, 1);
    if (this.#lanes.length === 0) this.#watch.stop();
    return index >= 0;
  }

  /**
   * Hedges the reads behind the oldest one of a lane that hangs. Reads of the same text may hang as well, say for a lock, so they
   * go where they stop nobody else.
   */
  #hedgeBehind(lane: ReadLane): void {
    const [head, ...behind] = lane.reads;
    if (head === undefined) return;
    const tookMs = this.#options.nowMs() - (lane.headSinceMs ?? 0) - this.#options.costs.roundTripMs;
    this.#options.costs.tookAtLeast(head.cost, tookMs);
    for (const read of behind) this.#hedge(read);
  }

  #hedge(read: LaneRead): void {
    if (read.isHedged) return;
    read.isHedged = true;
    if (read.cost.isFast) return this.#send(read);
    read.sent();
    this.#options.pool.runAlone(read.call, read.cost).then(
      (result) => read.answered(result),
      (error: unknown) =>
        read.failed(
          error,
          this.#options.database.errors.isConnectionLoss(error) || error instanceof PoolExhaustedError,
        ),
    );
  }

  #preparedLost(): void {
    if (this.#lostStatements.add() > MAX_LOST) this.#prepare = undefined;
  }

  #discard(lane: ReadLane): void {
    if (this.#hungLanes.add() > MAX_HUNG) this.isUnsupported = true;
    this.#lost(lane, this.#options.database.errors.connectionLost('it does not answer'));
  }
}

/** Whether the lane takes reads. */
function isUsable({ isLeaving, isStuck }: ReadLane): boolean {
  return !isLeaving && !isStuck;
}

/** An idle lane, or the one with the least to do, among those that take reads. */
function leastBusy(lanes: readonly ReadLane[]): ReadLane | undefined {
  let best: ReadLane | undefined;
  for (const lane of lanes) {
    if (!isUsable(lane)) continue;
    if (lane.inFlight === 0) return lane;
    if (best === undefined || lane.backlogMs < best.backlogMs) best = lane;
  }
  return best;
}

/** Counts how often something happened lately. */
export class RecentCount {
  readonly #withinMs: number;
  readonly #nowMs: () => number;
  #timesMs: number[] = [];

  /** @param withinMs how far back the count reaches, in milliseconds of the clock `nowMs` */
  constructor(withinMs: number, nowMs: () => number) {
    this.#withinMs = withinMs;
    this.#nowMs = nowMs;
  }

  /** Counts one more time. Returns the count. */
  add(): number {
    const now = this.#nowMs();
    this.#timesMs = [...this.#timesMs.filter((ms) => now - ms < this.#withinMs), now];
    return this.#timesMs.length;
  }
}
