import { messageOf } from '../../errors/describe-error.js';
import type { PoolStats } from '../../observability/router-stats.js';
import { Tracing } from '../../observability/tracing.js';
import type { NodeLoad } from '../../routing/balancer.js';
import { inTime } from '../../topology/in-time.js';
import {
  callAtOnce,
  type Answer,
  type Connection,
  type ConnectionPool,
  type Database,
  type NodeAccess,
  type StatementCall,
} from '../database.js';
import { LoopClock, plainClock, type AnswerClock } from '../lanes/loop-clock.js';
import type { ReadConnections } from '../lanes/lane-tools.js';
import { NodeReads } from '../lanes/node-reads.js';
import { PreparedWrites } from '../pinned/prepared-writes.js';
import type { StatementTrace } from '../statement-trace.js';
import { Checkouts, type CheckoutPurpose } from './checkouts.js';
import { LossWatch } from './loss-watch.js';
import { NodeConnections } from './node-connections.js';
import type { NodePoolOptions } from './node-pool-options.js';
import { ParkedConnections } from './parked-connections.js';
import { IdleSignal, isFull, type BetterElsewhere } from './wait-queue.js';

/** How long `end()` waits for statements under way; milliseconds. */
const END_MS = 2_000;

/** The weight of a new measurement in the moving average. */
const LATENCY_WEIGHT = 0.2;

/** The connections to one node. Opens none before somebody asks for one. */
export class NodePool implements ReadConnections {
  readonly name: string;
  readonly address: string;
  readonly access: NodeAccess;
  readonly connections: NodeConnections;
  readonly #database: Database;
  /** Returned connections with something left on them, kept for whoever left it. */
  readonly parked: ParkedConnections;
  readonly #checkouts: Checkouts;
  readonly #idle = new IdleSignal(() => this.#inFlight === 0 && !this.#checkouts.hasWaiting());
  /** `undefined`: no write is prepared. */
  readonly preparedWrites: PreparedWrites | undefined;
  /** Knows why the node's connections end. */
  readonly losses: LossWatch;
  readonly #reads: NodeReads;
  readonly #clock: AnswerClock;
  readonly #tracing: Tracing;
  #pool: ConnectionPool;
  #inFlight = 0;
  #latencyMs = 0;

  constructor(options: NodePoolOptions) {
    this.name = options.name;
    this.address = options.address;
    const { database, access, probedMs, outside = callAtOnce, nowMs } = options;
    const lanes = options.access.laneObstacle === undefined ? options.lanes : undefined;
    const policy = lanes?.prepare;
    this.preparedWrites = policy === undefined ? undefined : new PreparedWrites({ database, policy, nowMs });
    this.#database = database;
    this.#tracing = options.tracing ?? new Tracing();
    this.access = access;
    this.#checkouts = new Checkouts({ ...options, tracing: this.#tracing, onEnd: () => this.#idle.check() });
    this.#clock = lanes === undefined ? plainClock(nowMs) : new LoopClock(options);
    this.losses = new LossWatch({ database, access, nowMs });
    this.connections = new NodeConnections(this.losses, nowMs);
    this.#reads = new NodeReads({
      database,
      connections: this,
      lanes,
      maxLifetimeMs: access.limits.lifetimeMs,
      clock: this.#clock,
      probedMs,
      outside,
      tracing: this.#tracing,
      nowMs,
    });
    this.parked = new ParkedConnections({ database, access, outside });
    this.#pool = this.#createPool();
  }

  /** Takes a connection for as long as the caller wants. Return it with {@link release}. */
  checkout(): Promise<Connection> {
    return this.#take('statement');
  }

  /** Like {@link checkout}, for a read. Rejects with a `PoolBusyError` as {@link read} does. */
  async checkoutForRead(isBetterElsewhere: BetterElsewhere | undefined): Promise<Connection> {
    const connection = await this.#take('read', isBetterElsewhere);
    this.connections.held.delete(connection);
    return connection;
  }

  #take(purpose: CheckoutPurpose, isBetterElsewhere?: BetterElsewhere): Promise<Connection> {
    const pool = this.#pool;
    const taking = this.#checkouts.take(pool, purpose, isBetterElsewhere);
    this.#reads.giveWay();
    if (this.parked.size > 0 && pool.waiting > 0 && isFull(pool)) this.parked.giveWay();
    return taking;
  }

  /** Whether a connection can be had without waiting for others. */
  get hasRoom(): boolean {
    return !isFull(this.#pool);
  }

  /** Returns a connection. With an error that ended the connection, closes it. */
  release(connection: Connection, error?: unknown): void {
    if (error !== undefined && this.#database.errors.isConnectionEnd(error))
      this.close(connection, messageOf(error));
    else this.#database.release(connection);
  }

  /** Closes a connection and so makes room for another one. */
  close(connection: Connection, reason: string): void {
    this.#database.release(connection, new Error(reason));
  }

  /**
   * Runs one statement outside any transaction, on a connection that it has to itself. `isBetterElsewhere`: see {@link read}.
   * `text`: the text, if the statement is a read.
   */
  run(args: readonly unknown[], isBetterElsewhere?: BetterElsewhere, text?: string): Promise<Answer> {
    this.#inFlight++;
    const ended = (isAnswered?: boolean): void => {
      if (isAnswered === true && text !== undefined) this.#reads.noteAnswer(text);
      this.letGo();
    };
    return this.#take('statement', isBetterElsewhere).then(
      (connection) => this.runOn(connection, args, ended),
      (error: unknown) => {
        ended();
        throw error;
      },
    );
  }

  /**
   * Like {@link run}, for a statement that provably only reads. A fast read may share its connection with others. Rejects with a
   * `PoolBusyError` when the read has waited for a while and `isBetterElsewhere` says that another node could take it at once.
   */
  read(call: StatementCall, isBetterElsewhere?: BetterElsewhere, trace?: StatementTrace): Promise<Answer> {
    return (
      this.#reads.read(call, isBetterElsewhere, trace) ?? this.run(call.args, isBetterElsewhere, call.text)
    );
  }

  hasAnswered(text: string): boolean {
    return this.#reads.hasAnswered(text);
  }

  get load(): NodeLoad {
    return { inFlight: this.#inFlight, latencyMs: this.#latencyMs };
  }

  /** What its connections do, and what was counted since it was made. */
  get stats(): Omit<PoolStats, 'node' | 'role'> {
    const { total, idle, waiting, max } = this.#pool;
    return {
      used: total - idle,
      idle,
      waiting,
      max,
      lanes: this.#reads.laneCount,
      inFlight: this.#inFlight,
      latencyMs: this.#latencyMs === 0 ? null : this.#latencyMs,
      ...this.#checkouts.counts,
    };
  }

  /** A stream or a transaction uses this node until {@link letGo}. */
  hold(): void {
    this.#inFlight++;
  }

  letGo(): void {
    this.#inFlight--;
    this.#idle.check();
  }

  /** Resolves when nothing runs here any more and nobody waits for a connection. */
  whenIdle(): Promise<void> {
    return this.#idle.wait();
  }

  /** The node does not answer: cuts all connections, starts over, and tells whoever waits for a connection. */
  reset(problem: string): void {
    this.#startOver(problem, () => true);
  }

  /**
   * The node is silent. Whoever waits for a connection learns of it at once. Reads outside transactions are cut, and so are idle
   * connections. Transactions and writes go on waiting, because nobody would know their outcome if they were cut.
   */
  interruptReads(problem: string): void {
    this.#startOver(problem, (connection) => !this.connections.held.has(connection));
  }

  #startOver(problem: string, isToBeCut: (connection: Connection) => boolean): void {
    const { open } = this.connections;
    const old = this.#pool;
    this.#pool = this.#createPool();
    this.#checkouts.interrupt(problem);
    const cut = [...open].filter(isToBeCut);
    this.losses.cut(cut);
    for (const connection of cut) open.delete(connection);
    old.end().catch(() => undefined);
  }

  /** Cuts the connections known to lead to another server than that of this incarnation, or to another run of it. */
  keepOnly(incarnation: string | undefined): void {
    const others = this.connections.toOthersThan(incarnation);
    if (others.length === 0) return;
    this.renew();
    this.losses.cut(others);
  }

  /** The pool that hands out connections now. Only for questions about its state. */
  get connectionPool(): ConnectionPool {
    return this.#pool;
  }

  /** Stops handing out the current connections. */
  renew(): void {
    const old = this.#pool;
    if (old.total === 0 || old.waiting > 0) return;
    this.#pool = this.#createPool();
    old.end().catch(() => undefined);
  }

  /** Waits a while for what runs, then cuts it. */
  async end(): Promise<void> {
    this.#reads.end();
    this.parked.end();
    await inTime(this.#pool.end(), END_MS, () => undefined);
    this.losses.cut(this.connections.open);
    this.#checkouts.interrupt('the data source is destroyed');
  }

  runOn(
    connection: Connection,
    args: readonly unknown[],
    ended: (isAnswered: boolean, tookMs?: number) => void,
  ): Promise<Answer> {
    const sentIn = this.#clock.sent();
    this.connections.held.delete(connection);
    return this.#run(connection, args).then(
      (result) => {
        let tookMs: number | undefined;
        // A connection's first statement also fills the server's caches, so its time says nothing about the next ones.
        if (!this.connections.takeFresh(connection)) {
          tookMs = Math.max(0, this.#clock.eventsMs - (sentIn.endMs ?? Infinity));
          this.measured(tookMs);
        }
        this.release(connection);
        ended(true, tookMs);
        return result;
      },
      (error: unknown) => {
        this.release(connection, error);
        ended(false);
        throw this.losses.explain(connection, error);
      },
    );
  }

  #run(connection: Connection, args: readonly unknown[]): Promise<Answer> {
    const { tracer } = this.#tracing;
    if (tracer === undefined) return this.#database.run(connection, args);
    return tracer.quietly(() => this.#database.run(connection, args));
  }

  takeFresh(connection: Connection): boolean {
    return this.connections.takeFresh(connection);
  }

  explain(connection: Connection, error: unknown): unknown {
    return this.losses.explain(connection, error);
  }

  get hasOtherWaiters(): boolean {
    return this.#checkouts.hasWaiting('statement');
  }

  measured(tookMs: number): void {
    this.#latencyMs += this.#latencyMs === 0 ? tookMs : LATENCY_WEIGHT * (tookMs - this.#latencyMs);
  }

  #createPool(): ConnectionPool {
    const pool = this.access.openPool(this.connections);
    this.#reads.useConnectionsOf(pool);
    return pool;
  }
}
