import type pg from 'pg';
import type { Outside } from '../create-pool.js';
import type { BetterElsewhere } from '../take-connection.js';
import { rethrowAfter } from '../query-call.js';
import { laneCallOf } from './lane-call.js';
import type { LaneReadOptions } from './lane-read.js';
import type { AnswerClock } from './loop-clock.js';
import { ReadLanes, type LaneSettings } from './read-lanes.js';
import { StatementCosts, type StatementCost } from './statement-cost.js';
import { supportsLanes } from './supports-lanes.js';

/** The connections of one node, as reads use them. */
export interface ReadConnections {
  /** Waits for one like anybody else, unless it is better elsewhere. */
  checkout(isBetterElsewhere: BetterElsewhere | undefined): Promise<pg.PoolClient>;
  release(client: pg.PoolClient, error?: unknown): void;
  /** Runs one read and gives the connection back. Then tells whether it was answered, and how long it took where that says something. */
  run(
    client: pg.PoolClient,
    args: readonly unknown[],
    ended: (isAnswered: boolean, tookMs?: number) => void,
  ): Promise<pg.QueryResult>;
  /** The connection has not run a statement yet; asked once. */
  takeFresh(client: pg.PoolClient): boolean;
  /** The error of a statement, with the reason why its connection was lost where that is known. */
  explain(client: pg.PoolClient, error: unknown): unknown;
}

/** What {@link NodeReads} work with. */
export interface NodeReadsOptions {
  readonly config: pg.PoolConfig;
  /** `undefined`: nothing is shared. */
  readonly lanes: LaneSettings | undefined;
  readonly connections: ReadConnections;
  /** Somebody waits for a connection for something else. */
  readonly isWaitedBeside: () => boolean;
  /** A read has been asked for; and it has ended. */
  readonly onStart: () => void;
  readonly onEnd: () => void;
  readonly onMeasured: (tookMs: number) => void;
  readonly clock: AnswerClock;
  /** How long the monitor's question takes, there and back; milliseconds. */
  readonly probedMs?: () => number | undefined;
  readonly outside: Outside;
  readonly nowMs: () => number;
}

/**
 * Reads outside transactions on one node: those that are known to be fast share connections. One that is slow, or may be,
 * has a connection to itself, so that nobody has to wait behind it.
 */
export class NodeReads {
  readonly #options: NodeReadsOptions;
  readonly #costs: StatementCosts;
  #pool: pg.Pool | undefined;
  #lanes: ReadLanes | undefined;
  /** Reads that have a connection to themselves. */
  #alone = 0;

  constructor(options: NodeReadsOptions) {
    this.#options = options;
    this.#costs = new StatementCosts(options.probedMs);
  }

  /** From now on with the connections of this pool. Those of the one before are given back after their last answer. */
  useConnectionsOf(pool: pg.Pool): void {
    const { config, lanes } = this.#options;
    this.#lanes?.end();
    this.#pool = pool;
    this.#lanes = lanes !== undefined && supportsLanes(config) ? this.#createLanes(pool, lanes) : undefined;
  }

  /** What was prepared on that connection is gone. */
  forget(client: pg.ClientBase): void {
    this.#lanes?.forget(client);
  }

  /** Takes nothing more. */
  end(): void {
    this.#lanes?.end();
  }

  /** A read of this text was answered before, as far as that is remembered. */
  hasAnswered(text: string): boolean {
    return this.#costs.wasAnswered(text);
  }

  /** A read of this text was answered that {@link read} did not take. */
  answeredBeside(text: string): void {
    this.#costs.answered(text);
  }

  /** `undefined` where nothing is shared, which makes this read one like others. */
  read(
    args: readonly unknown[],
    text: string,
    isBetterElsewhere: BetterElsewhere | undefined,
  ): Promise<pg.QueryResult> | undefined {
    const lanes = this.#lanes;
    if (lanes === undefined || lanes.isUnsupported) return undefined;
    const cost = this.#costs.of(text);
    const call = cost?.isFast === true ? laneCallOf(args) : undefined;
    if (call === undefined) return this.#readAlone(args, cost, isBetterElsewhere);
    const { onStart, onEnd } = this.#options;
    onStart();
    return lanes.run(call, cost as StatementCost, { onEnd, isBetterElsewhere });
  }

  /**
   * Shared connections are left to those who wait. While reads have connections of their own, others get those in turn,
   * and the last shared one is kept for fast reads; whoever waits for a transaction gets that, too.
   */
  giveWay(): void {
    if (this.#pool === undefined || this.#lanes === undefined) return;
    const { waitingCount, idleCount } = this.#pool;
    if (waitingCount === 0 || idleCount > 0) return;
    this.#lanes.giveWay(waitingCount, this.#options.isWaitedBeside() || this.#alone === 0);
  }

  #readAlone(
    args: readonly unknown[],
    cost: StatementCost | undefined,
    isBetterElsewhere: BetterElsewhere | undefined,
  ): Promise<pg.QueryResult> {
    const { onStart, onEnd } = this.#options;
    onStart();
    return this.#runAlone(args, cost, { isBetterElsewhere, onEnd });
  }

  #runAlone(
    args: readonly unknown[],
    cost: StatementCost | undefined,
    { isBetterElsewhere, onEnd }: Partial<LaneReadOptions>,
  ): Promise<pg.QueryResult> {
    const { connections } = this.#options;
    const ended = (isAnswered: boolean, tookMs?: number): void => {
      if (cost !== undefined && isAnswered) cost.wasAnswered = true;
      if (cost !== undefined && tookMs !== undefined) this.#costs.measuredAlone(cost, tookMs);
      this.#alone--;
      this.giveWay();
      onEnd?.();
    };
    return connections.checkout(isBetterElsewhere).then(
      (client) => {
        this.#alone++;
        return connections.run(client, args, ended);
      },
      rethrowAfter(() => onEnd?.()),
    );
  }

  #createLanes(pool: pg.Pool, { prepare }: LaneSettings): ReadLanes {
    const { config, connections, clock, nowMs, onMeasured, outside } = this.#options;
    const { maxLifetimeSeconds = 0 } = config;
    return new ReadLanes({
      pool: {
        checkout: (isBetterElsewhere) => connections.checkout(isBetterElsewhere),
        release: (client, error) => connections.release(client, error),
        hasRoom: () => pool.waitingCount === 0 && (pool.idleCount > 0 || pool.totalCount < pool.options.max),
        runAlone: (call, cost) => this.#runAlone([call], cost, {}),
        giveWay: () => this.giveWay(),
        takeFresh: (client) => connections.takeFresh(client),
        explain: (client, error) => connections.explain(client, error),
      },
      costs: this.#costs,
      clock,
      prepare,
      maxLifetimeMs: maxLifetimeSeconds > 0 ? maxLifetimeSeconds * 1000 : Infinity,
      onMeasured,
      // As a pool of `pg` tells of one of its own; to it, a lane is in use.
      onIdleError: (error, client) => void pool.emit('error', error, client),
      outside,
      nowMs,
    });
  }
}
