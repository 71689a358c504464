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

/** When reads are prepared, and how many of them. */
export interface PreparePolicy {
  /** A text is prepared from its nth use on. */
  readonly after: number;
  /** So many are kept on each connection: each takes memory of the server. */
  readonly perConnection: number;
}

/** How reads share connections. */
export interface LaneSettings {
  /** `undefined`: nothing is prepared. */
  readonly prepare?: PreparePolicy;
}

/** The connections of one node, as reads use them. */
export interface ReadConnections {
  /** Waits for one like anybody else, unless it is better elsewhere. */
  checkout(isBetterElsewhere: BetterElsewhere | undefined): Promise<Connection>;
  release(connection: Connection, error?: unknown): void;
  /** Runs one read and gives the connection back. Then tells whether it was answered, and how long it took where that says something. */
  run(
    connection: Connection,
    args: readonly unknown[],
    ended: (isAnswered: boolean, tookMs?: number) => void,
  ): Promise<Answer>;
  /** The connection has not run a statement yet; asked once. */
  takeFresh(connection: Connection): boolean;
  /** The error of a statement, with the reason why its connection was lost where that is known. */
  explain(connection: Connection, error: unknown): unknown;
}

/** The pool whose connections become lanes. */
export interface LanePool {
  /** A connection can be had without making anybody wait. */
  hasRoom(): boolean;
  /** Asks {@link ReadLanes.giveWay} for as much as is waited for. */
  giveWay(): void;
  /** Runs a read on a connection of its own. */
  runAlone(call: LaneCall, cost: StatementCost): Promise<Answer>;
}

/** What {@link ReadLanes} work with. */
export interface ReadLanesOptions {
  readonly database: Database;
  readonly connections: Omit<ReadConnections, 'run'>;
  readonly pool: LanePool;
  readonly costs: StatementCosts;
  readonly clock: AnswerClock;
  /** `undefined`: nothing is prepared. */
  readonly prepare: PreparePolicy | undefined;
  /** A lane's connection is given back when it was open for so long; milliseconds, or `Infinity`. */
  readonly maxLifetimeMs: number;
  readonly onMeasured: (tookMs: number) => void;
  /** A lane was lost that had nothing to do. */
  readonly onIdleError: (error: Error, connection: Connection) => void;
  readonly outside: Outside;
  readonly nowMs: () => number;
}

/** A read waits at most for so much work of others before another connection is made a lane; milliseconds. */
const NEW_LANE_MS = 5;
/** A lane that was used within this time is not given up, where it is the last one, for reads; milliseconds. */
const RECENTLY_MS = 1_000;
/** So many prepared statements may be lost within `WITHIN_MS`; then something between here and the server cannot. */
const MAX_LOST = 10;
/** So many lanes may hang within `WITHIN_MS` while other connections do not. */
const MAX_HUNG = 2;
const WITHIN_MS = 60_000;

/**
 * The connections of one node that reads share. They come from the node's pool and go back to it: when they have had
 * nothing to do for a while, and when somebody waits for a connection. Only for statements that are known to be fast.
 */
export class ReadLanes {
  readonly #options: ReadLanesOptions;
  readonly #lanes: ReadLane[] = [];
  readonly #watch: LaneWatch;
  /** Reads that no lane takes now; one is being opened. */
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

  /** Something between here and the server does not understand many statements at once: there are no lanes any more. */
  isUnsupported = false;

  run(call: LaneCall, cost: StatementCost, options: LaneReadOptions): Promise<Answer> {
    const read = new LaneRead({ call, cost }, options, this.#options.database.errors);
    this.#send(read);
    return read.result;
  }

  /**
   * So many wait for a connection of their own: as many lanes are given up. The last one in use is kept, unless it may
   * be taken, too: else slow reads would stop all fast ones.
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

  /** Takes nothing more; each lane gives its connection back after its last answer. */
  end(): void {
    this.#isEnded = true;
    this.#watch.stop();
    // Leaving changes the list.
    for (const lane of this.#lanes.slice()) this.#leave(lane);
  }

  #send(read: LaneRead): void {
    const lane = this.#choose();
    if (lane !== undefined) return lane.send(read);
    this.#waiting.push(read);
    this.#open();
  }

  /** An idle lane; else a new one, while there is room; else the one with the least to do. */
  #choose(): ReadLane | undefined {
    const lane = leastBusy(this.#lanes);
    if (lane === undefined || lane.backlogMs <= NEW_LANE_MS) return lane;
    // It is of use to the next ones: this read is answered before a connection is made.
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
    // With another lane at hand nobody has to know.
    if (this.#lanes.some(isUsable)) this.#sendWaiting();
    else if (error instanceof PoolBusyError) this.#sendElsewhere(error);
    else this.#failWaiting(error);
  }

  readonly #isBetterElsewhere: BetterElsewhere = (node) =>
    this.#waiting.some(({ isBetterElsewhere }) => isBetterElsewhere?.(node) === true);

  /** Those that may be run elsewhere are; the others wait on. */
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

  /** Whatever was under way on it fails by itself, and is run elsewhere by whoever asked. */
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
   * Runs elsewhere, too, what waits behind the oldest read of a lane that hangs. Reads of the same text may hang as well,
   * say for a lock: they are not sent where they would stop others.
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

/** It takes reads. */
function isUsable({ isLeaving, isStuck }: ReadLane): boolean {
  return !isLeaving && !isStuck;
}

/** An idle one, or the one with the least to do; of those that take reads. */
function leastBusy(lanes: readonly ReadLane[]): ReadLane | undefined {
  let best: ReadLane | undefined;
  for (const lane of lanes) {
    if (!isUsable(lane)) continue;
    if (lane.inFlight === 0) return lane;
    if (best === undefined || lane.backlogMs < best.backlogMs) best = lane;
  }
  return best;
}

/** How often something happened lately. */
export class RecentCount {
  readonly #withinMs: number;
  readonly #nowMs: () => number;
  #timesMs: number[] = [];

  /** Counts what happened within the last `withinMs` of the clock `nowMs`. */
  constructor(withinMs: number, nowMs: () => number) {
    this.#withinMs = withinMs;
    this.#nowMs = nowMs;
  }

  /** It happened, again. Says how often by now. */
  add(): number {
    const now = this.#nowMs();
    this.#timesMs = [...this.#timesMs.filter((ms) => now - ms < this.#withinMs), now];
    return this.#timesMs.length;
  }
}
