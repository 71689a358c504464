import { messageOf } from '../../errors/describe-error.js';
import { NodeUnavailableError } from '../../errors/node-unavailable.error.js';
import { PoolExhaustedError } from '../../errors/pool-exhausted.error.js';
import type { NodeLoad } from '../../routing/balancer.js';
import type { ServerIdentity } from '../../topology/node-probe.js';
import {
  callAtOnce,
  type Answer,
  type Connection,
  type ConnectionPool,
  type Database,
  type NodeAccess,
  type Outside,
  type StatementCall,
} from '../database.js';
import { LoopClock, PlainClock, type AnswerClock } from '../lanes/loop-clock.js';
import { NodeReads } from '../lanes/node-reads.js';
import type { LaneSettings } from '../lanes/read-lanes.js';
import { LossWatch } from './loss-watch.js';
import { NodeConnections } from './node-connections.js';
import { ParkedConnections } from './parked-connections.js';
import { isFull, takeConnection, type BetterElsewhere } from './take-connection.js';
import { IdleSignal, WaitQueue } from './wait-queue.js';

/** How long `end()` waits for statements under way; milliseconds. */
const END_MS = 2_000;

/** How much a new measurement counts in the moving average. */
const LATENCY_WEIGHT = 0.2;

/** What makes a {@link NodePool}. */
export interface NodePoolOptions {
  readonly name: string;
  /** `host:port`, for error messages. */
  readonly address: string;
  readonly database: Database;
  /** How connections to this node are made. */
  readonly access: NodeAccess;
  /** Fast reads share connections, where the driver and its settings allow it. `undefined`: each has one to itself. */
  readonly lanes?: LaneSettings;
  /** How long the monitor's question takes, there and back; milliseconds, `undefined` while it has no answer. */
  readonly probedMs?: () => number | undefined;
  /** Calls a function outside any request; in the caller's, where there are no requests. */
  readonly outside?: Outside;
  /** Milliseconds of the monotonic clock. */
  readonly nowMs: () => number;
  /** How long this process has waited for anything to happen; milliseconds. As Node counts it, other than in tests. */
  readonly idleMs?: () => number;
}

/** The connections to one node. Makes none before it is asked for one. */
export class NodePool {
  readonly name: string;
  /** `host:port`. */
  readonly address: string;
  readonly #options: NodePoolOptions;
  readonly #connections: NodeConnections;
  /** Connections with something left on them, given back and kept for whoever left it. */
  readonly parked: ParkedConnections;
  readonly #waiting = new WaitQueue(() => this.#idle.check());
  readonly #waitingReads = new WaitQueue(() => this.#idle.check());
  readonly #idle = new IdleSignal(
    () => this.#inFlight === 0 && this.#waiting.size === 0 && this.#waitingReads.size === 0,
  );
  /** Why its connections end. */
  readonly losses: LossWatch;
  readonly #reads: NodeReads;
  readonly #clock: AnswerClock;
  #pool: ConnectionPool;
  #inFlight = 0;
  #latencyMs = 0;

  constructor(options: NodePoolOptions) {
    this.name = options.name;
    this.address = options.address;
    this.#options = options;
    this.#clock = options.lanes === undefined ? new PlainClock(options.nowMs) : new LoopClock(options);
    const { database, access, outside = callAtOnce, nowMs } = options;
    this.losses = new LossWatch({ database, askUptime: () => access.askUptime(), nowMs });
    this.#connections = new NodeConnections(this.losses, nowMs);
    this.#reads = this.#createReads();
    this.parked = new ParkedConnections({ database, access, outside });
    this.#pool = this.#createPool();
  }

  /** A connection for as long as the caller wants; give it back with {@link release}. */
  checkout(): Promise<Connection> {
    return this.#take(this.#waiting);
  }

  #take(waiting: WaitQueue, isBetterElsewhere?: BetterElsewhere): Promise<Connection> {
    const options = {
      waiting,
      isBetterElsewhere,
      node: this.name,
      errorOf: this.#checkoutError,
      release: this.#giveBack,
    };
    const taking = takeConnection(this.#pool, options);
    this.#reads.giveWay();
    if (this.parked.size > 0 && this.#pool.waiting > 0 && isFull(this.#pool)) this.parked.giveWay();
    return taking;
  }

  /** A connection can be had without waiting for others. */
  get hasRoom(): boolean {
    return !isFull(this.#pool);
  }

  /** Gives a connection back; a broken one, with its error, is closed. */
  release(connection: Connection, error?: unknown): void {
    const { database } = this.#options;
    if (error !== undefined && database.errors.isConnectionEnd(error))
      this.close(connection, messageOf(error));
    else database.release(connection);
  }

  /** Closes a connection, and makes room for another one. */
  close(connection: Connection, reason: string): void {
    this.#options.database.release(connection, new Error(reason));
  }

  /**
   * Runs one statement outside any transaction, on a connection that it has to itself. `isBetterElsewhere`: see {@link read}. `text`: of a
   * read.
   */
  run(args: readonly unknown[], isBetterElsewhere?: BetterElsewhere, text?: string): Promise<Answer> {
    this.#inFlight++;
    const ended = (isAnswered?: boolean): void => {
      if (isAnswered === true && text !== undefined) this.#reads.answeredBeside(text);
      this.letGo();
    };
    return this.#take(this.#waiting, isBetterElsewhere).then(
      (connection) => this.#runOn(connection, args, ended),
      (error: unknown) => {
        ended();
        throw error;
      },
    );
  }

  /**
   * As {@link run}, for what provably only reads: a fast read may share its connection with others. Rejects with a `PoolBusyError`
   * where the read has waited for a while, and `isBetterElsewhere` says that it need not.
   */
  read(call: StatementCall, isBetterElsewhere?: BetterElsewhere): Promise<Answer> {
    return this.#reads.read(call, isBetterElsewhere) ?? this.run(call.args, isBetterElsewhere, call.text);
  }

  /** A read of this text was answered here before, as far as that is remembered. */
  hasAnswered(text: string): boolean {
    return this.#reads.hasAnswered(text);
  }

  get load(): NodeLoad {
    return { inFlight: this.#inFlight, latencyMs: this.#latencyMs };
  }

  /** How many connections there may be. */
  get size(): number {
    return this.#options.access.limits.size;
  }

  /** Why its connections cannot be lanes, for people; `undefined`: they can. */
  get laneObstacle(): string | undefined {
    return this.#options.access.laneObstacle;
  }

  /** How long a statement may take here by the pool's own limits; milliseconds, infinite without any. */
  get statementLimitMs(): number {
    return this.#options.access.limits.statementMs;
  }

  /** A stream or a transaction reads from this node until {@link letGo}. */
  hold(): void {
    this.#inFlight++;
  }

  letGo(): void {
    this.#inFlight--;
    this.#idle.check();
  }

  /** Resolves when nothing runs here any more, and nothing waits for a connection. */
  whenIdle(): Promise<void> {
    return this.#idle.wait();
  }

  /**
   * Cuts all connections, those in use too, and begins anew: the node does not answer. Whoever waits learns at once.
   */
  reset(problem: string): void {
    this.#beginAnew(problem, () => true);
  }

  /**
   * The node is silent: whoever waits for a connection learns at once, reads outside transactions are cut, and so is what
   * idles. Transactions and writes go on waiting: cut, nobody would know their outcome.
   */
  interruptReads(problem: string): void {
    this.#beginAnew(problem, (connection) => !this.#connections.held.has(connection));
  }

  #beginAnew(problem: string, isToBeCut: (connection: Connection) => boolean): void {
    const { open } = this.#connections;
    const old = this.#pool;
    this.#pool = this.#createPool();
    this.#interrupt(this.#unavailable(new Error(problem)));
    const cut = [...open].filter(isToBeCut);
    this.losses.cut(cut);
    for (const connection of cut) open.delete(connection);
    old.end().catch(() => undefined);
  }

  /** Cuts connections that are known to lead to another server than that of this incarnation, or to another run of it. */
  keepOnly(incarnation: string | undefined): void {
    const others = this.#connections.toOthersThan(incarnation);
    if (others.length === 0) return;
    this.renew();
    this.losses.cut(others);
  }

  /** Which server a connection of this pool leads to; `undefined`: it was not asked, or does not tell. */
  identityOf(connection: Connection): ServerIdentity | undefined {
    return this.#connections.identityOf(connection);
  }

  /** When the node last answered a statement of this pool; milliseconds of the monotonic clock. */
  get answeredMs(): number {
    return this.#connections.answeredMs;
  }

  /** Whether the node answers on a new connection, within `timeoutMs` milliseconds. Never rejects. */
  answersAnew(timeoutMs: number, signal: AbortSignal): Promise<boolean> {
    return this.#options.access.answersAnew(timeoutMs, signal);
  }

  /** The pool that gives out connections now: to be asked what it has, no more. */
  get behind(): ConnectionPool {
    return this.#pool;
  }

  /** Connections that there are now are not given out again. */
  renew(): void {
    const old = this.#pool;
    if (old.total === 0 || old.waiting > 0) return;
    this.#pool = this.#createPool();
    old.end().catch(() => undefined);
  }

  /** Waits for what runs, for a while; then cuts it. */
  async end(): Promise<void> {
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<void>((resolve) => (timer = setTimeout(resolve, END_MS)));
    this.#reads.end();
    this.parked.end();
    const ended = this.#pool.end();
    await Promise.race([ended, late]);
    clearTimeout(timer);
    this.losses.cut(this.#connections.open);
    this.#interrupt(this.#unavailable(new Error('the data source is destroyed')));
  }

  /** Runs one statement and gives the connection back; `ended`: whether it was answered, and how long it took where that says something. */
  #runOn(
    connection: Connection,
    args: readonly unknown[],
    ended: (isAnswered: boolean, tookMs?: number) => void,
  ): Promise<Answer> {
    const sentIn = this.#clock.sent();
    this.#connections.held.delete(connection);
    return this.#options.database.run(connection, args).then(
      (result) => {
        let tookMs: number | undefined;
        // A connection's first statement also fills the server's caches: it says nothing about the next ones.
        if (!this.#connections.takeFresh(connection)) {
          tookMs = Math.max(0, this.#clock.eventsMs - (sentIn.endMs ?? Infinity));
          this.#measured(tookMs);
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

  #measured(tookMs: number): void {
    this.#latencyMs += this.#latencyMs === 0 ? tookMs : LATENCY_WEIGHT * (tookMs - this.#latencyMs);
  }

  #createPool(): ConnectionPool {
    const pool = this.#options.access.openPool(this.#connections);
    this.#reads.useConnectionsOf(pool);
    return pool;
  }

  #createReads(): NodeReads {
    const { database, access, lanes, probedMs, nowMs, outside = callAtOnce } = this.#options;
    return new NodeReads({
      database,
      lanes: access.laneObstacle === undefined ? lanes : undefined,
      maxLifetimeMs: access.limits.lifetimeMs,
      connections: {
        checkout: async (isBetterElsewhere) => {
          const connection = await this.#take(this.#waitingReads, isBetterElsewhere);
          this.#connections.held.delete(connection);
          return connection;
        },
        release: (connection, error) => this.release(connection, error),
        run: (connection, args, ended) => this.#runOn(connection, args, ended),
        takeFresh: (connection) => this.#connections.takeFresh(connection),
        explain: (connection, error) => this.losses.explain(connection, error),
      },
      isWaitedBeside: () => this.#waiting.size > 0,
      onStart: () => this.hold(),
      onEnd: () => this.letGo(),
      onMeasured: (tookMs) => this.#measured(tookMs),
      clock: this.#clock,
      probedMs,
      outside,
      nowMs,
    });
  }

  readonly #giveBack = (connection: Connection): void => this.#options.database.release(connection);

  /** What whoever asked for a connection is told for an error of the pool. */
  readonly #checkoutError = (error: unknown): unknown => {
    const { errors } = this.#options.database;
    const { total, waiting, max } = this.#pool;
    if (errors.isPoolTimeout(error) && total >= max)
      return new PoolExhaustedError(this.name, { inUse: total, waiting: waiting + 1 });
    return errors.isConnectionLoss(error) ? this.#unavailable(error) : error;
  };

  #interrupt(error: NodeUnavailableError): void {
    this.#waiting.interrupt(error);
    this.#waitingReads.interrupt(error);
  }

  /** An error that says so already stands as it is. */
  #unavailable(cause: unknown): NodeUnavailableError {
    return cause instanceof NodeUnavailableError
      ? cause
      : new NodeUnavailableError(this.name, this.address, cause);
  }
}
