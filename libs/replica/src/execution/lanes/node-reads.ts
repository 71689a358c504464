import type { Answer, ConnectionPool, LaneCall, StatementCall } from '../database.js';
import type { BetterElsewhere } from '../pools/wait-queue.js';
import type { StatementTrace } from '../statement-trace.js';
import type { LaneTools } from './lane-tools.js';
import { ReadLanes, type LaneSettings } from './read-lanes.js';
import { StatementCosts, type StatementCost } from './statement-cost.js';

interface NodeReadsOptions extends Omit<LaneTools, 'costs'> {
  /** `undefined`: reads share nothing. */
  readonly lanes: LaneSettings | undefined;
  /** How long the monitor's probe takes, there and back; milliseconds. */
  readonly probedMs?: () => number | undefined;
}

/** How a read that has a connection to itself waits for it and ends. */
interface AloneOptions {
  readonly isBetterElsewhere?: BetterElsewhere;
  readonly onEnd?: () => void;
}

/** The reads outside transactions on one node. Fast ones share connections. Others have one each, so nobody waits behind them. */
export class NodeReads {
  readonly #tools: LaneTools;
  readonly #settings: LaneSettings | undefined;
  #pool: ConnectionPool | undefined;
  #lanes: ReadLanes | undefined;
  /** How many reads have a connection to themselves. */
  #alone = 0;

  constructor(options: NodeReadsOptions) {
    this.#tools = { ...options, costs: new StatementCosts(options.probedMs) };
    this.#settings = options.lanes;
  }

  /** Uses the connections of this pool from now on. Connections of the previous pool are returned after their last answer. */
  useConnectionsOf(pool: ConnectionPool): void {
    this.#lanes?.end();
    this.#pool = pool;
    if (this.#settings === undefined) return;
    this.#lanes = new ReadLanes(this.#tools, { pool, others: this, prepare: this.#settings.prepare });
  }

  end(): void {
    this.#lanes?.end();
  }

  /** How many connections are lanes now. */
  get laneCount(): number {
    return this.#lanes?.lanes.length ?? 0;
  }

  /** Whether a read of this text was answered before, as far as that is remembered. */
  hasAnswered(text: string): boolean {
    return this.#tools.costs.wasAnswered(text);
  }

  /** A read of this text was answered that {@link read} did not take. */
  noteAnswer(text: string): void {
    this.#tools.costs.answered(text);
  }

  /** Runs a read. `undefined` if nothing is shared: then this read runs like any other statement. */
  read(
    { args, text }: StatementCall,
    isBetterElsewhere: BetterElsewhere | undefined,
    trace?: StatementTrace,
  ): Promise<Answer> | undefined {
    const lanes = this.#lanes;
    if (lanes === undefined || lanes.isUnsupported) return undefined;
    const cost = this.#tools.costs.of(text);
    const call = cost?.isFast === true ? this.#tools.database.laneCallOf(args) : undefined;
    this.#tools.connections.hold();
    return call === undefined
      ? this.#runAlone(args, cost, { isBetterElsewhere, onEnd: this.#letGo })
      : lanes.run({ call, cost: cost as StatementCost, isBetterElsewhere, trace });
  }

  readonly #letGo = (): void => this.#tools.connections.letGo();

  /**
   * Gives up lanes for those who wait for a connection. While slow reads have connections of their own, others get those in turn,
   * and the last lane is reserved for fast reads. Only a transaction may take it.
   */
  giveWay(): void {
    if (this.#pool === undefined || this.#lanes === undefined) return;
    const { waiting, idle } = this.#pool;
    if (waiting === 0 || idle > 0) return;
    this.#lanes.giveWay(waiting, this.#tools.connections.hasOtherWaiters || this.#alone === 0);
  }

  /** Runs a read on a connection of its own that was counted when it began. */
  runAlone(call: LaneCall, cost: StatementCost): Promise<Answer> {
    return this.#runAlone([call], cost, {});
  }

  #runAlone(
    args: readonly unknown[],
    cost: StatementCost | undefined,
    { isBetterElsewhere, onEnd }: AloneOptions,
  ): Promise<Answer> {
    const { connections, costs } = this.#tools;
    const ended = (isAnswered: boolean, tookMs?: number): void => {
      if (cost !== undefined && isAnswered) cost.wasAnswered = true;
      if (cost !== undefined && tookMs !== undefined) costs.measuredAlone(cost, tookMs);
      this.#alone--;
      this.giveWay();
      onEnd?.();
    };
    return connections.checkoutForRead(isBetterElsewhere).then(
      (connection) => {
        this.#alone++;
        return connections.runOn(connection, args, ended);
      },
      (error: unknown) => {
        onEnd?.();
        throw error;
      },
    );
  }
}
