import { messageOf } from '../../errors/describe-error.js';
import { PoolBusyError } from '../../errors/pool-busy.error.js';
import { PoolExhaustedError } from '../../errors/pool-exhausted.error.js';
import type { Answer, Connection, ConnectionPool, LaneCall } from '../database.js';
import type { BetterElsewhere } from '../pools/wait-queue.js';
import { Preparation, type PreparePolicy } from '../prepare-policy.js';
import { RecentCount } from '../recent-count.js';
import { LaneRead, type ReadRequest } from './lane-read.js';
import type { LaneTools } from './lane-tools.js';
import { LaneWatch, type WatchedLanes } from './lane-watch.js';
import { ReadLane, type LaneOwner } from './read-lane.js';
import type { StatementCost } from './statement-cost.js';

/** How reads share connections. */
export interface LaneSettings {
  /** `undefined`: nothing is prepared. */
  readonly prepare?: PreparePolicy;
}

/** What else runs the reads of the node. */
interface OtherReads {
  /** Calls {@link ReadLanes.giveWay} with the number of those who wait. */
  giveWay(): void;
  /** Runs a read on a connection of its own. */
  runAlone(call: LaneCall, cost: StatementCost): Promise<Answer>;
}

interface ReadLanesOptions {
  /** The pool that the lanes take their connections from. */
  readonly pool: ConnectionPool;
  readonly others: OtherReads;
  /** `undefined`: nothing is prepared. */
  readonly prepare: PreparePolicy | undefined;
}

/** How much work of others a read waits for at most before the pool opens another lane; milliseconds. */
const NEW_LANE_MS = 5;
/**
 * Reads of one turn of the event loop share a lane until it has this much to do; milliseconds. They leave in one write and wake the server
 * once, which saves more time than the last of them loses.
 */
const SHARED_MS = 1;
/** The last lane is kept for reads if it was used within this time; milliseconds. */
const RECENTLY_MS = 1_000;
/** How many lanes may hang within `WITHIN_MS` while other connections do not. */
const MAX_HUNG = 2;
const WITHIN_MS = 60_000;

/**
 * The connections of one node that reads share. They come from the node's pool, and go back to it after a while without work or
 * when somebody waits for a connection. They only carry statements known to be fast.
 */
export class ReadLanes implements LaneOwner, WatchedLanes {
  readonly lanes: ReadLane[] = [];
  readonly maxPrepared: number;
  readonly #tools: LaneTools;
  readonly #options: ReadLanesOptions;
  readonly #watch: LaneWatch;
  /** Reads that no lane takes right now. A lane is being opened for them. */
  #waiting: LaneRead[] = [];
  /** The lane that took the last read. */
  #last: ReadLane | undefined;
  #isOpening = false;
  #isEnded = false;
  readonly #preparation: Preparation;
  readonly #hungLanes: RecentCount;

  constructor(tools: LaneTools, options: ReadLanesOptions) {
    this.#tools = tools;
    this.#options = options;
    this.#preparation = new Preparation(options.prepare, tools.nowMs);
    this.maxPrepared = this.#preparation.perConnection;
    this.#hungLanes = new RecentCount(WITHIN_MS, tools.nowMs);
    this.#watch = new LaneWatch(this, tools);
  }

  /** Whether something between here and the server cannot handle several statements at once. If so, there are no more lanes. */
  isUnsupported = false;

  run(request: ReadRequest): Promise<Answer> {
    const read = new LaneRead(request, this.#tools);
    this.#send(read);
    return read.result;
  }

  /**
   * Gives up as many lanes as there are callers waiting for a connection of their own. The last lane in use is kept unless
   * `mayTakeLast`, because otherwise slow reads would stop all fast ones.
   */
  giveWay(waiting: number, mayTakeLast: boolean): void {
    let wanted = waiting;
    for (const { isLeaving } of this.lanes) if (isLeaving) wanted--;
    while (wanted-- > 0) {
      const lane = leastBusy(this.lanes);
      if (lane === undefined) return;
      const isLast = !this.lanes.some((other) => other !== lane && isUsable(other));
      if (isLast && !mayTakeLast && this.#isInUse(lane)) return;
      this.leave(lane);
    }
  }

  /** Takes no more reads. Each lane returns its connection after its last answer. */
  end(): void {
    this.#isEnded = true;
    this.#watch.stop();
    // A lane that leaves changes the list.
    for (const lane of this.lanes.slice()) this.leave(lane);
  }

  #send(read: LaneRead): void {
    const lane = this.#choose();
    if (lane !== undefined) {
      this.#last = lane;
      return lane.send(read);
    }
    read.waits();
    this.#waiting.push(read);
    this.#open();
  }

  /**
   * Picks the lane that took the last read, if that was in this turn of the loop. Otherwise picks an idle lane, or else the least loaded
   * one. If even that one has much to do and there is room, opens another lane.
   */
  #choose(): ReadLane | undefined {
    const last = this.#last;
    if (
      last !== undefined &&
      isUsable(last) &&
      last.backlogMs < SHARED_MS &&
      last.lastSentIn === this.#tools.clock.sent()
    )
      return last;
    const lane = leastBusy(this.lanes);
    if (lane === undefined || lane.backlogMs <= NEW_LANE_MS) return lane;
    // The new lane is for later reads: this one is answered before a connection is open.
    if (!this.#isOpening && this.#hasRoom) this.#open();
    return lane;
  }

  /** Whether a connection can be had without making anybody wait. */
  get #hasRoom(): boolean {
    const { pool } = this.#options;
    return pool.waiting === 0 && (pool.idle > 0 || pool.total < pool.max);
  }

  #isInUse(lane: ReadLane): boolean {
    return lane.inFlight > 0 || this.#tools.nowMs() - lane.lastFastMs < RECENTLY_MS;
  }

  #open(): void {
    if (this.#isOpening) return;
    this.#isOpening = true;
    this.#tools.connections.checkoutForRead(this.#isBetterElsewhere).then(
      (connection) => this.#opened(connection),
      (error: unknown) => this.#failedToOpen(error),
    );
  }

  #opened(connection: Connection): void {
    this.#isOpening = false;
    const { connections, outside } = this.#tools;
    if (this.#isEnded) {
      connections.release(connection);
      this.#failWaiting(new Error('Client was closed: the pool has ended'));
      return;
    }
    this.lanes.push(new ReadLane(connection, this.#tools, this));
    outside(() => this.#watch.start());
    this.#sendWaiting();
  }

  #failedToOpen(error: unknown): void {
    this.#isOpening = false;
    // While another lane can take the reads, nobody needs to know.
    if (this.lanes.some(isUsable)) this.#sendWaiting();
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

  readonly #resend = (read: LaneRead): void => this.#send(read);

  #sendWaiting(): void {
    const waiting = this.#waiting;
    if (waiting.length === 0) return;
    this.#waiting = [];
    for (const read of waiting) if (!read.isSettled) read.sendLater(this.#resend);
  }

  answered(lane: ReadLane): void {
    if (lane.isLeaving) {
      if (lane.inFlight === 0) this.leave(lane);
    } else {
      this.#sendWaiting();
    }
  }

  lost(lane: ReadLane, error: unknown): void {
    if (this.#tools.database.errors.isLaneRefusal(error)) this.isUnsupported = true;
    this.#drop(lane, error);
  }

  /** Whatever was under way on the lane fails by itself, and its caller runs it elsewhere. */
  #drop(lane: ReadLane, error: unknown): void {
    if (!this.#remove(lane)) return;
    const isIdle = lane.inFlight === 0;
    const { database, connections } = this.#tools;
    const connection = lane.leave();
    connections.release(connection, database.errors.connectionLost(messageOf(error)));
    // To the pool, a lane is a connection in use.
    if (isIdle) this.#options.pool.lostIdle(error as Error, connection);
  }

  leave(lane: ReadLane): void {
    lane.isLeaving = true;
    if (lane.inFlight === 0 && this.#remove(lane)) this.#tools.connections.release(lane.leave());
  }

  #remove(lane: ReadLane): boolean {
    if (this.#last === lane) this.#last = undefined;
    const index = this.lanes.indexOf(lane);
    if (index >= 0) this.lanes.splice(index, 1);
    if (this.lanes.length === 0) this.#watch.stop();
    return index >= 0;
  }

  /** Reads of the same text as the oldest one may hang as well, say for a lock, so they go where they stop nobody else. */
  hedgeBehind(lane: ReadLane): void {
    const [head, ...behind] = lane.reads;
    if (head === undefined) return;
    const { costs, nowMs } = this.#tools;
    costs.tookAtLeast(head.cost, nowMs() - (lane.headSinceMs ?? 0) - costs.roundTripMs);
    for (const read of behind) this.#hedge(read);
  }

  hedgeAll(lane: ReadLane): void {
    for (const read of lane.reads) this.#hedge(read);
  }

  #hedge(read: LaneRead): void {
    if (read.isHedged) return;
    read.isHedged = true;
    if (read.cost.isFast) return this.#send(read);
    read.sent();
    this.#options.others.runAlone(read.call, read.cost).then(
      (result) => read.answered(result),
      (error: unknown) => {
        const isLoss = this.#tools.database.errors.isConnectionLoss(error);
        read.failed(error, isLoss || error instanceof PoolExhaustedError);
      },
    );
  }

  makeRoom(): void {
    this.#options.others.giveWay();
  }

  shouldPrepare({ cost }: LaneRead): boolean {
    return this.#preparation.isDue(cost);
  }

  preparedLost(): void {
    this.#preparation.noteLoss();
  }

  discard(lane: ReadLane): void {
    if (this.#hungLanes.add() > MAX_HUNG) this.isUnsupported = true;
    this.#drop(lane, this.#tools.database.errors.connectionLost('it does not answer'));
  }
}

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
