import type { Answer, ConnectionPool, Database, LaneCall, Outside, StatementCall } from '../database.js';
import type { BetterElsewhere } from '../pools/take-connection.js';
import type { LaneReadOptions } from './lane-read.js';
import type { AnswerClock } from './loop-clock.js';
import { ReadLanes, type LaneSettings, type ReadConnections } from './read-lanes.js';
import { StatementCosts, type StatementCost } from './statement-cost.js';

/** What {@link NodeReads} need. */
export interface NodeReadsOptions {
  readonly database: Database;
  /** `undefined`: reads share nothing. */
  readonly lanes: LaneSettings | undefined;
  /** How long a connection may be shared, in milliseconds, or `Infinity`. */
  readonly maxLifetimeMs: number;
  readonly connections: ReadConnections;
  /** Whether somebody else waits for a connection, for something other than a read. */
  readonly hasOtherWaiters: () => boolean;
  /** Called when a read begins. */
  readonly onStart: () => void;
  readonly onEnd: () => void;
  readonly onMeasured: (tookMs: number) => void;
  readonly clock: AnswerClock;
  /** How long the monitor's probe takes, there and back; milliseconds. */
  readonly probedMs?: () => number | undefined;
  readonly outside: Outside;
  readonly nowMs: () => number;
}

/**
 * The reads outside transactions on one node. Reads known to be fast share connections. A read that is slow, or may be, has a
 * connection to itself, so that nobody has to wait behind it.
 */
export class NodeReads {
  readonly #options: NodeReadsOptions;
  readonly #costs: StatementCosts;
  #pool: ConnectionPool | undefined;
  #lanes: ReadLanes | undefined;
  /** How many reads have a connection to themselves. */
  #alone = 0;

  constructor(options: NodeReadsOptions) {
    this.#options = options;
    this.#costs = new StatementCosts(options.probedMs);
  }

  /** Uses the connections of this pool from now on. Connections of the previous pool are returned after their last answer. */
  useConnectionsOf(pool: ConnectionPool): void {
    const { lanes } = this.#options;
    this.#lanes?.end();
    this.#pool = pool;
    this.#lanes = lanes === undefined ? undefined : this.#createLanes(pool, lanes);
  }

  /** Takes no more reads. */
  end(): void {
    this.#lanes?.end();
  }

  /** Whether a read of this text was answered before, as far as that is remembered. */
  hasAnswered(text: string): boolean {
    return this.#costs.wasAnswered(text);
  }

  /** A read of this text was answered that {@link read} did not take. */
  noteAnswer(text: string): void {
    this.#costs.answered(text);
  }

  /** Runs a read. `undefined` if nothing is shared: then this read runs like any other statement. */
  read(
    { args, text }: StatementCall,
    isBetterElsewhere: BetterElsewhere | undefined,
  ): Promise<Answer> | undefined {
    const lanes = this.#lanes;
    if (lanes === undefined || lanes.isUnsupported) return undefined;
    const cost = this.#costs.of(text);
    const call = cost?.isFast === true ? this.#options.database.laneCallOf(args) : undefined;
    if (call === undefined) return this.#readAlone(args, cost, isBetterElsewhere);
    const { onStart, onEnd } = this.#options;
    onStart();
    return lanes.run(call, cost as StatementCost, { onEnd, isBetterElsewhere });
  }

  /**
   * Gives up lanes for those who wait for a connection. While slow reads have connections of their own, others get those in turn,
   * and the last lane is reserved for fast reads. Only a transaction may take it.
   */
  giveWay(): void {
    if (this.#pool === undefined || this.#lanes === undefined) return;
    const { waiting, idle } = this.#pool;
    if (waiting === 0 || idle > 0) return;
    this.#lanes.giveWay(waiting, this.#options.hasOtherWaiters() || this.#alone === 0);
  }

  #readAlone(
    args: readonly unknown[],
    cost: StatementCost | undefined,
    isBetterElsewhere: BetterElsewhere | undefined,
  ): Promise<Answer> {
    const { onStart, onEnd } = this.#options;
    onStart();
    return this.#runAlone(args, cost, { isBetterElsewhere, onEnd });
  }

  #runAlone(
    args: readonly unknown[],
    cost: StatementCost | undefined,
    { isBetterElsewhere, onEnd }: Partial<LaneReadOptions>,
  ): Promise<Answer> {
    const { connections } = this.#options;
    const ended = (isAnswered: boolean, tookMs?: number): void => {
      if (cost !== undefined && isAnswered) cost.wasAnswered = true;
      if (cost !== undefined && tookMs !== undefined) this.#costs.measuredAlone(cost, tookMs);
      this.#alone--;
      this.giveWay();
      onEnd?.();
    };
    return connections.checkout(isBetterElsewhere).then(
      (connection) => {
        this.#alone++;
        return connections.run(connection, args, ended);
      },
      (error: unknown) => {
        onEnd?.();
        throw error;
      },
    );
  }

  #createLanes(pool: ConnectionPool, { prepare }: LaneSettings): ReadLanes {
    const { database, maxLifetimeMs, connections, clock, nowMs, onMeasured, outside } = this.#options;
    return new ReadLanes({
      database,
      connections,
      pool: {
        hasRoom: () => pool.waiting === 0 && (pool.idle > 0 || pool.total < pool.max),
        runAlone: (call: LaneCall, cost) => this.#runAlone([call], cost, {}),
        giveWay: () => this.giveWay(),
      },
      costs: this.#costs,
      clock,
      prepare,
      maxLifetimeMs,
      onMeasured,
      // To the pool, a lane is a connection in use.
      onIdleError: (error, connection) => pool.lostIdle(error, connection),
      outside,
      nowMs,
    });
  }
}
