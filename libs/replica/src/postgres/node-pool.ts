import type pg from 'pg';
import type { NodeLoad } from '../routing/balancer.js';
import type { ServerIdentity } from '../topology/server-identity.js';
import { answersAnew } from './answers-anew.js';
import { askUptime } from './ask-uptime.js';
import { checkoutError, unavailable } from './checkout-error.js';
import { callAtOnce, createPool } from './create-pool.js';
import { IdleSignal } from './idle-signal.js';
import { LoopClock, PlainClock, type AnswerClock } from './lanes/loop-clock.js';
import { NodeReads } from './lanes/node-reads.js';
import { LossWatch } from './loss-watch.js';
import { NodeConnections, type TransactionStatus } from './node-connections.js';
import type { NodePoolOptions } from './node-pool-options.js';
import type { NodeUnavailableError } from '../errors/node-unavailable.error.js';
import { ParkedConnections } from './parked-connections.js';
import { messageOf } from '../errors/describe-error.js';
import { isConnectionEnd } from './postgres-errors.js';
import { queryWith, rethrowAfter } from './query-call.js';
import { statementLimitMs } from './statement-limit.js';
import { isFull, takeConnection, type BetterElsewhere } from './take-connection.js';
import { Waiting } from './waiting.js';

/** How long `end()` waits for statements under way; milliseconds. */
const END_MS = 2_000;

/** How much a new measurement counts in the moving average. */
const LATENCY_WEIGHT = 0.2;

/** The connections to one node. Makes none before it is asked for one. */
export class NodePool {
  readonly name: string;
  /** `host:port`. */
  readonly address: string;
  readonly #options: NodePoolOptions;
  readonly #connections: NodeConnections;
  /** Connections with something left on them, given back and kept for whoever left it. */
  readonly parked: ParkedConnections;
  readonly #waiting = new Waiting(() => this.#idle.check());
  readonly #waitingReads = new Waiting(() => this.#idle.check());
  readonly #idle = new IdleSignal(
    () => this.#inFlight === 0 && this.#waiting.size === 0 && this.#waitingReads.size === 0,
  );
  /** Why its connections end. */
  readonly losses: LossWatch;
  readonly #reads: NodeReads;
  readonly #clock: AnswerClock;
  #pool: pg.Pool;
  #inFlight = 0;
  #latencyMs = 0;
  #answeredMs = -Infinity;

  constructor(options: NodePoolOptions) {
    this.name = options.name;
    this.address = options.address;
    this.#options = options;
    this.#clock = options.lanes === undefined ? new PlainClock(options.nowMs) : new LoopClock(options);
    this.losses = new LossWatch({ askUptime: () => askUptime(options.config), nowMs: options.nowMs });
    this.#connections = new NodeConnections({
      losses: this.losses,
      onConnect: options.onConnect,
      onIdleError: options.onIdleError,
      tell: (event, first, second) => options.events?.emit(options.name, event, first, second),
      onAnswer: () => (this.#answeredMs = options.nowMs()),
    });
    this.#reads = this.#createReads();
    this.parked = new ParkedConnections({
      config: options.config,
      outside: options.outside ?? callAtOnce,
      isRenewedOnly: () => 'onConnect' in options.config || options.events?.isConnectHeard === true,
      onForgotten: (client) => this.#reads.forget(client),
    });
    this.#pool = this.#createPool();
  }

  /** A connection for as long as the caller wants; give it back with {@link release}. */
  checkout(): Promise<pg.PoolClient> {
    return this.#take(this.#waiting);
  }

  #take(waiting: Waiting, isBetterElsewhere?: BetterElsewhere): Promise<pg.PoolClient> {
    const options = { waiting, isBetterElsewhere, node: this.name, errorOf: this.#checkoutError };
    const taking = takeConnection(this.#pool, options);
    this.#reads.giveWay();
    if (this.parked.size > 0 && this.#pool.waitingCount > 0 && isFull(this.#pool)) this.parked.giveWay();
    return taking;
  }

  /** A connection can be had without waiting for others. */
  get hasRoom(): boolean {
    return !isFull(this.#pool);
  }

  /** Gives a connection back; a broken one, with its error, is closed. */
  release(client: pg.PoolClient, error?: unknown): void {
    client.release(isConnectionEnd(error) ? new Error(messageOf(error)) : undefined);
  }

  /** Runs one statement outside any transaction. `args` as for `query` of `pg`, without a callback; `text`: of a read. */
  run(args: readonly unknown[], isBetterElsewhere?: BetterElsewhere, text?: string): Promise<pg.QueryResult> {
    this.#inFlight++;
    const ended = (isAnswered?: boolean): void => {
      if (isAnswered === true && text !== undefined) this.#reads.answeredBeside(text);
      this.letGo();
    };
    const taking = this.#take(this.#waiting, isBetterElsewhere);
    return taking.then((client) => this.#runOn(client, args, ended), rethrowAfter(ended));
  }

  /**
   * As {@link run}, for what provably only reads: a fast one may share its connection with others. Rejects with a
   * `PoolBusyError` where it has waited for a while, and `isBetterElsewhere` says that it need not.
   */
  read(args: readonly unknown[], text: string, isBetterElsewhere?: BetterElsewhere): Promise<pg.QueryResult> {
    return this.#reads.read(args, text, isBetterElsewhere) ?? this.run(args, isBetterElsewhere, text);
  }

  /** A read of this text was answered here before, as far as that is remembered. */
  hasAnswered(text: string): boolean {
    return this.#reads.hasAnswered(text);
  }

  /** What the server last said about a connection of this pool. */
  transactionStatus(client: pg.ClientBase): TransactionStatus {
    return this.#connections.transactionStatus(client);
  }

  get load(): NodeLoad {
    return { inFlight: this.#inFlight, latencyMs: this.#latencyMs };
  }

  /** How long a statement may take here by the pool's own limits; milliseconds, infinite without any. */
  get statementLimitMs(): number {
    return statementLimitMs(this.#options.config);
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
    this.#beginAnew(problem, (client) => !this.#connections.held.has(client));
  }

  #beginAnew(problem: string, isToBeCut: (client: pg.ClientBase) => boolean): void {
    const { open } = this.#connections;
    const old = this.#pool;
    this.#pool = this.#createPool();
    this.#interrupt(this.#unavailable(problem));
    const cut = [...open].filter(isToBeCut);
    this.losses.cut(cut);
    for (const client of cut) open.delete(client);
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
  readonly identityOf = (client: pg.ClientBase): ServerIdentity | undefined =>
    this.#connections.identityOf(client);

  /** When the node last answered a statement of this pool; milliseconds of the monotonic clock. */
  get answeredMs(): number {
    return this.#answeredMs;
  }

  /** Whether the node answers on a new connection, within `timeoutMs` milliseconds. Never rejects. */
  answersAnew(timeoutMs: number, signal: AbortSignal): Promise<boolean> {
    return answersAnew(this.#options.config, { timeoutMs, signal });
  }

  /** The pool of `pg` that gives out connections now: to be asked what it has, no more. */
  get behind(): pg.Pool {
    return this.#pool;
  }

  /** Connections that there are now are not given out again. */
  renew(): void {
    const old = this.#pool;
    if (old.totalCount === 0 || old.waitingCount > 0) return;
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
    this.#interrupt(this.#unavailable('the data source is destroyed'));
  }

  /** Runs one statement and gives the connection back; `ended`: whether it was answered, and how long it took where that says something. */
  #runOn(
    client: pg.PoolClient,
    args: readonly unknown[],
    ended: (isAnswered: boolean, tookMs?: number) => void,
  ): Promise<pg.QueryResult> {
    const sentIn = this.#clock.sent();
    this.#connections.held.delete(client);
    return queryWith(client, args).then(
      (result) => {
        let tookMs: number | undefined;
        // A connection's first statement also fills the server's caches: it says nothing about the next ones.
        if (!this.#connections.takeFresh(client)) {
          tookMs = Math.max(0, this.#clock.eventsMs - (sentIn.endMs ?? Infinity));
          this.#measured(tookMs);
        }
        this.release(client);
        ended(true, tookMs);
        return result;
      },
      (error: unknown) => {
        this.release(client, error);
        ended(false);
        throw this.losses.explain(client, error);
      },
    );
  }

  #measured(tookMs: number): void {
    this.#latencyMs += this.#latencyMs === 0 ? tookMs : LATENCY_WEIGHT * (tookMs - this.#latencyMs);
  }

  #createPool(): pg.Pool {
    const pool = createPool(this.#options, this.#connections.identified);
    this.#connections.watch(pool);
    this.#reads.useConnectionsOf(pool);
    return pool;
  }

  #createReads(): NodeReads {
    const { config, lanes, probedMs, nowMs, outside = callAtOnce } = this.#options;
    return new NodeReads({
      outside,
      config,
      lanes,
      connections: {
        checkout: async (isBetterElsewhere) => {
          const client = await this.#take(this.#waitingReads, isBetterElsewhere);
          this.#connections.held.delete(client);
          return client;
        },
        release: (client, error) => this.release(client, error),
        run: (client, args, ended) => this.#runOn(client, args, ended),
        takeFresh: (client) => this.#connections.takeFresh(client),
        explain: (client, error) => this.losses.explain(client, error),
      },
      isWaitedBeside: () => this.#waiting.size > 0,
      onStart: () => this.hold(),
      onEnd: () => this.letGo(),
      onMeasured: (tookMs) => this.#measured(tookMs),
      clock: this.#clock,
      probedMs,
      nowMs,
    });
  }

  readonly #checkoutError = (error: unknown): unknown => checkoutError(error, this, this.#pool);

  #interrupt(error: NodeUnavailableError): void {
    this.#waiting.interrupt(error);
    this.#waitingReads.interrupt(error);
  }

  #unavailable(problem: string): NodeUnavailableError {
    return unavailable(new Error(problem), this);
  }
}
