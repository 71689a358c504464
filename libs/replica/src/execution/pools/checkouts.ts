import { NodeUnavailableError } from '../../errors/node-unavailable.error.js';
import { PoolBusyError } from '../../errors/pool-busy.error.js';
import { PoolExhaustedError } from '../../errors/pool-exhausted.error.js';
import type { Tracing } from '../../observability/tracing.js';
import type { Connection, ConnectionPool, Database } from '../database.js';
import { isFull, WaitCounts, WaitQueue, type BetterElsewhere } from './wait-queue.js';

/** How long nobody who waits for a connection is sent elsewhere; milliseconds. */
const PATIENCE_MS = 200;

/** What a connection is taken for: one statement or more, or a read that may be cut. */
export type CheckoutPurpose = 'statement' | 'read';

/** What {@link Checkouts} needs. */
interface CheckoutOptions {
  /** The node's name. */
  readonly name: string;
  /** `host:port`, for error messages. */
  readonly address: string;
  readonly database: Pick<Database, 'errors' | 'release'>;
  readonly nowMs: () => number;
  /** Called when somebody stops waiting. */
  readonly onEnd: () => void;
  /** Learns how long callers waited who found no idle connection. */
  readonly tracing: Tracing;
}

/** Takes connections from the pool of a node, and knows who waits for one. */
export class Checkouts {
  readonly #options: CheckoutOptions;
  readonly #waiting: Readonly<Record<CheckoutPurpose, WaitQueue>>;
  readonly #waits = new WaitCounts();

  constructor(options: CheckoutOptions) {
    this.#options = options;
    this.#waiting = { statement: new WaitQueue(options.onEnd), read: new WaitQueue(options.onEnd) };
  }

  /**
   * Takes a connection. A connection that comes too late goes back. Every statement comes through here, so this makes no more promises than
   * it must.
   */
  take(
    pool: ConnectionPool,
    purpose: CheckoutPurpose,
    isBetterElsewhere: BetterElsewhere | undefined,
  ): Promise<Connection> {
    const { name, database, nowMs } = this.#options;
    const queue = this.#waiting[purpose];
    return new Promise((resolve, reject) => {
      let timer: NodeJS.Timeout | undefined;
      let isWaiting = true;
      const sinceMs = pool.idle > pool.waiting ? undefined : nowMs();
      const end = (): void => {
        isWaiting = false;
        if (sinceMs !== undefined) this.#waited(nowMs() - sinceMs);
        clearInterval(timer);
        queue.remove(giveUp);
      };
      const giveUp = (error: unknown): void => {
        end();
        reject(error);
      };
      queue.add(giveUp);
      const isSlow = pool.growsSlowly === true && pool.idle <= pool.waiting;
      const mayLeave = isBetterElsewhere !== undefined && (isSlow || isFull(pool));
      pool.take((error, connection) => {
        if (!isWaiting) return connection === undefined ? undefined : database.release(connection);
        end();
        if (connection === undefined) reject(this.#errorOf(pool, error));
        else resolve(connection);
      });
      if (!mayLeave) return;
      timer = setInterval(() => {
        if (isBetterElsewhere(name)) giveUp(new PoolBusyError());
      }, PATIENCE_MS);
      timer.unref();
    });
  }

  /** Whether anybody waits for a connection, for this purpose or for any. */
  hasWaiting(purpose?: CheckoutPurpose): boolean {
    const { statement, read } = this.#waiting;
    return purpose === undefined ? statement.size + read.size > 0 : this.#waiting[purpose].size > 0;
  }

  /** How many waited so far, and for how long. */
  get counts(): WaitCounts['told'] {
    return this.#waits.told;
  }

  #waited(waitedMs: number): void {
    this.#waits.add(waitedMs);
    const { name, tracing } = this.#options;
    tracing.tracer?.waited(name, waitedMs);
  }

  /** Tells whoever waits that the node cannot be had. */
  interrupt(problem: string): void {
    const error = this.#unavailable(new Error(problem));
    this.#waiting.statement.interrupt(error);
    this.#waiting.read.interrupt(error);
  }

  /** Turns an error of the pool into the one for the caller. */
  #errorOf({ total, waiting, max, growsSlowly = false }: ConnectionPool, error: unknown): unknown {
    const { name, database } = this.#options;
    const isTimeout = database.errors.isPoolTimeout(error);
    if (isTimeout) this.#waits.told.timeouts++;
    if (isTimeout && (total >= max || growsSlowly))
      return new PoolExhaustedError(name, { inUse: total, waiting: waiting + 1 });
    return database.errors.isConnectionLoss(error) ? this.#unavailable(error) : error;
  }

  /** Keeps an error that already says so. */
  #unavailable(cause: unknown): NodeUnavailableError {
    const { name, address } = this.#options;
    return cause instanceof NodeUnavailableError ? cause : new NodeUnavailableError(name, address, cause);
  }
}
