import { WrongServerError } from '../errors/wrong-server.error.js';
import type {
  Connection,
  ConnectionPool,
  Outside,
  PoolLimits,
  PoolListener,
  ServerCheck,
} from '../execution/database.js';
import { connectionOf, type ConnectionRole, type MysqlConnection } from './connection.js';
import { MYSQL_ERRORS, poolTimeout } from './error-kinds.js';
import { identifyServer } from './identify-server.js';
import { inTimeOrCut, openConnection, setUpFor, type ConnectionSource } from './open-connection.js';

/** What a {@link MysqlConnectionPool} needs. */
export interface MysqlPoolOptions {
  readonly source: ConnectionSource;
  readonly limits: PoolLimits;
  /** A connection that has been idle for longer is asked for a sign of life before it is handed out; milliseconds. */
  readonly checkAfterIdleMs: number;
  /** What connections are set up for at this moment. */
  readonly role: () => ConnectionRole;
  /** Called when an idle connection breaks. */
  readonly onIdleError: (error: Error) => void;
  readonly check: ServerCheck | undefined;
  /** Calls a function outside any request. */
  readonly outside: Outside;
  /** Milliseconds of a monotonic clock. */
  readonly nowMs: () => number;
}

type TakeCallback = (error: unknown, connection: Connection | undefined) => void;

/** Somebody who waits for a connection. */
interface Waiter {
  readonly callback: TakeCallback;
  timer: NodeJS.Timeout | undefined;
}

/** What the pool knows of one of its connections. */
interface PooledConnection {
  readonly connection: MysqlConnection;
  readonly openedMs: number;
  idleSinceMs: number;
}

/** How long a connection may take to give a sign of life; milliseconds. */
const CHECK_MS = 1_000;

/**
 * Connections to one node. Each is set up for the role that the node has. When the role changes, connections of the former role
 * are closed as they are handed out or come back.
 */
export class MysqlConnectionPool implements ConnectionPool {
  readonly max: number;
  readonly #options: MysqlPoolOptions;
  readonly #listener: PoolListener;
  /** The open connections. */
  readonly #open = new Map<MysqlConnection, PooledConnection>();
  /** Those that nobody has. The one that came back last is handed out first, so that the others can grow old. */
  readonly #idle: PooledConnection[] = [];
  readonly #waiters: Waiter[] = [];
  /** How many connections are being opened, and how many are asked for a sign of life. */
  #opening = 0;
  #checking = 0;
  #sweepTimer: NodeJS.Timeout | undefined;
  #isEnding = false;
  #tellEnd: (() => void) | undefined;

  constructor(options: MysqlPoolOptions, listener: PoolListener) {
    this.#options = options;
    this.#listener = listener;
    this.max = options.limits.size;
  }

  get total(): number {
    return this.#open.size + this.#opening;
  }

  get idle(): number {
    return this.#idle.length;
  }

  get growsSlowly(): boolean {
    return this.#options.source.open !== undefined;
  }

  get waiting(): number {
    return this.#waiters.length;
  }

  get expired(): number {
    let expired = 0;
    for (const pooled of this.#open.values()) if (this.#isExpired(pooled)) expired++;
    return expired;
  }

  take(callback: TakeCallback): void {
    if (this.#isEnding) return callback(ended(), undefined);
    const newest = this.#waiters.length === 0 ? this.#idle.at(-1) : undefined;
    if (newest !== undefined && this.#isUsable(newest) && !this.#isStale(newest)) {
      this.#idle.pop();
      return this.#handOut(newest, callback);
    }
    this.#waiters.push({ callback, timer: this.#options.outside(() => this.#giveUpLater(callback)) });
    this.#serve();
  }

  /** Takes a connection back. With an error, closes it. */
  giveBack(connection: MysqlConnection, error: Error | undefined): void {
    const pooled = this.#open.get(connection);
    if (pooled === undefined) return;
    this.#listener.returned(connectionOf(connection));
    const isClean =
      error === undefined && connection.transaction === 'idle' && !connection.hasNextTransactionSet;
    if (isClean && !this.#isEnding && this.#isUsable(pooled)) this.#rest(pooled);
    else this.#close(pooled);
    if (this.#waiters.length > 0) this.#serve();
  }

  lostIdle(error: Error): void {
    this.#options.onIdleError(error);
  }

  end(): Promise<void> {
    this.#isEnding = true;
    clearTimeout(this.#sweepTimer);
    for (const { callback, timer } of this.#waiters.splice(0)) {
      clearTimeout(timer);
      callback(ended(), undefined);
    }
    return new Promise((resolve) => {
      this.#tellEnd = resolve;
      for (const pooled of this.#idle.splice(0)) this.#close(pooled);
      this.#checkEnd();
    });
  }

  /** Gives those who wait what there is, and opens or checks as many connections as are missing. */
  #serve(): void {
    for (let newest = this.#idle.at(-1); newest !== undefined && this.#waiters.length > 0;) {
      const isUsable = this.#isUsable(newest);
      const isStale = isUsable && this.#isStale(newest);
      if (isStale && !this.#isMissing) return;
      this.#idle.pop();
      if (isStale) void this.#checkLife(newest);
      else if (isUsable) this.#handOutNext(newest);
      else this.#close(newest);
      newest = this.#idle.at(-1);
    }
    while (this.#isMissing && this.total < this.max) void this.#openAnother();
  }

  /** Whether more callers wait than connections are on their way. */
  get #isMissing(): boolean {
    return this.#waiters.length > this.#opening + this.#checking;
  }

  #handOut({ connection }: PooledConnection, callback: TakeCallback): void {
    if (this.#options.limits.allowExitOnIdle) connection.keepProcessAlive(true);
    this.#listener.taken(connectionOf(connection));
    callback(undefined, connectionOf(connection));
  }

  /** Hands a connection to whoever has waited longest, or lets it rest. */
  #handOutNext(pooled: PooledConnection): void {
    const waiter = this.#waiters.shift();
    if (waiter === undefined) return this.#rest(pooled);
    clearTimeout(waiter.timer);
    this.#handOut(pooled, waiter.callback);
  }

  #giveUpLater(callback: TakeCallback): NodeJS.Timeout {
    const { timeoutMs } = this.#options.source;
    return setTimeout(() => {
      const index = this.#waiters.findIndex((waiter) => waiter.callback === callback);
      if (index < 0) return;
      this.#waiters.splice(index, 1);
      callback(poolTimeout(timeoutMs), undefined);
    }, timeoutMs);
  }

  async #openAnother(): Promise<void> {
    this.#opening++;
    let pooled: PooledConnection | undefined;
    let failure: unknown;
    try {
      pooled = await this.#options.outside(() => this.#connect());
    } catch (error) {
      failure = error;
    }
    this.#opening--;
    if (pooled === undefined) this.#failNext(failure);
    else if (this.#isEnding) this.#close(pooled);
    else this.#handOutNext(pooled);
    this.#serve();
    this.#checkEnd();
  }

  #failNext(error: unknown): void {
    const waiter = this.#waiters.shift();
    if (waiter === undefined) return;
    clearTimeout(waiter.timer);
    waiter.callback(error, undefined);
  }

  async #connect(): Promise<PooledConnection> {
    const { source, nowMs } = this.#options;
    const connection = await openConnection(source);
    const pooled = { connection, openedMs: nowMs(), idleSinceMs: nowMs() };
    this.#listener.made(connectionOf(connection));
    try {
      await inTimeOrCut(connection, source.timeoutMs, this.#prepare(connection));
    } catch (error) {
      this.#listener.closed(connectionOf(connection));
      connection.close();
      throw error;
    }
    this.#open.set(connection, pooled);
    connection.owner = this;
    connection.onAnswer = () => this.#listener.answered();
    connection.driver.on('error', (error) => this.#broke(pooled, error));
    return pooled;
  }

  async #prepare(connection: MysqlConnection): Promise<void> {
    const { source, role, check } = this.#options;
    await setUpFor(role(), connection, source);
    if (check?.isOn() !== true) return;
    const identity = await identifyServer(connection);
    this.#listener.identified(connectionOf(connection), identity);
    const objection = await check.objectionTo(identity);
    if (objection !== undefined) throw new WrongServerError(objection);
  }

  async #checkLife(pooled: PooledConnection): Promise<void> {
    const { connection } = pooled;
    this.#checking++;
    let isAlive = true;
    try {
      await this.#options.outside(() => inTimeOrCut(connection, CHECK_MS, connection.ping()));
    } catch {
      isAlive = false;
    }
    this.#checking--;
    if (!isAlive || this.#isEnding) this.#close(pooled);
    else this.#handOutNext(pooled);
    this.#serve();
  }

  /** Nobody has the connection from now on. */
  #rest(pooled: PooledConnection): void {
    const { limits, nowMs, outside } = this.#options;
    pooled.idleSinceMs = nowMs();
    this.#idle.push(pooled);
    if (limits.allowExitOnIdle) pooled.connection.keepProcessAlive(false);
    if (limits.idleMs !== Infinity) this.#sweepTimer ??= outside(() => this.#sweepLater(limits.idleMs));
  }

  /** One timer for all connections, because each statement ends with a connection that rests. */
  #sweepLater(ms: number): NodeJS.Timeout {
    return setTimeout(() => {
      const { idleMs } = this.#options.limits;
      const nowMs = this.#options.nowMs();
      while (this.#idle[0] !== undefined && nowMs - this.#idle[0].idleSinceMs >= idleMs)
        this.#close(this.#idle.shift() as PooledConnection);
      const [oldest] = this.#idle;
      this.#sweepTimer =
        oldest === undefined ? undefined : this.#sweepLater(Math.max(1, oldest.idleSinceMs + idleMs - nowMs));
    }, ms).unref();
  }

  /** The connection broke. If somebody has it, they learn of it by themselves. */
  #broke(pooled: PooledConnection, error: Error): void {
    const index = this.#idle.indexOf(pooled);
    if (index < 0) return;
    this.#idle.splice(index, 1);
    this.#close(pooled);
    this.#options.onIdleError(error);
  }

  #close({ connection }: PooledConnection): void {
    this.#open.delete(connection);
    this.#listener.closed(connectionOf(connection));
    connection.close();
    this.#checkEnd();
  }

  #isUsable(pooled: PooledConnection): boolean {
    const { connection } = pooled;
    return connection.isOpen && connection.role === this.#options.role() && !this.#isExpired(pooled);
  }

  #isExpired({ openedMs }: PooledConnection): boolean {
    const { limits, nowMs } = this.#options;
    return limits.lifetimeMs !== Infinity && nowMs() - openedMs >= limits.lifetimeMs;
  }

  /** Whether it has been idle for so long that it may be dead without anybody knowing. */
  #isStale({ idleSinceMs }: PooledConnection): boolean {
    return this.#options.nowMs() - idleSinceMs >= this.#options.checkAfterIdleMs;
  }

  #checkEnd(): void {
    if (this.#isEnding && this.total === 0) this.#tellEnd?.();
  }
}

function ended(): Error {
  return MYSQL_ERRORS.connectionLost('the pool has ended');
}
