import { PoolBusyError } from '../../errors/pool-busy.error.js';
import type { Connection, ConnectionPool } from '../database.js';
import type { WaitQueue } from './wait-queue.js';

/** Whether whatever waits for a connection to the named node could have one elsewhere at once. */
export type BetterElsewhere = (node: string) => boolean;

/** How to wait for a connection. */
interface TakeOptions {
  /** Everyone who waits. The pool can tell them all that they wait in vain. */
  readonly waiting: WaitQueue;
  /**
   * Whether another node could provide a connection. Asked now and then while all connections are in use. If it could, taking
   * rejects with a {@link PoolBusyError}. `undefined`: there is no alternative to waiting.
   */
  readonly isBetterElsewhere: BetterElsewhere | undefined;
  /** The node's name. */
  readonly node: string;
  /** Turns an error of the pool into the one for the caller. */
  readonly errorOf: (error: unknown) => unknown;
  /** Returns a connection that came too late. */
  readonly release: (connection: Connection) => void;
}

/** How long nobody who waits is sent elsewhere; milliseconds. */
const PATIENCE_MS = 200;

/**
 * Takes a connection from a pool. If it arrives after the caller has given up, it goes back. Every statement comes through here,
 * so this makes no more promises than it must.
 */
export function takeConnection(pool: ConnectionPool, options: TakeOptions): Promise<Connection> {
  const { waiting, isBetterElsewhere, node, errorOf, release } = options;
  return new Promise((resolve, reject) => {
    let timer: NodeJS.Timeout | undefined;
    let isWaiting = true;
    const end = (): void => {
      isWaiting = false;
      clearInterval(timer);
      waiting.remove(giveUp);
    };
    const giveUp = (error: unknown): void => {
      end();
      reject(error);
    };
    waiting.add(giveUp);
    const mayLeave = isBetterElsewhere !== undefined && isFull(pool);
    pool.take((error, connection) => {
      if (!isWaiting) return connection === undefined ? undefined : release(connection);
      end();
      if (connection === undefined) reject(errorOf(error));
      else resolve(connection);
    });
    if (!mayLeave) return;
    timer = setInterval(() => {
      if (isBetterElsewhere(node)) giveUp(new PoolBusyError());
    }, PATIENCE_MS);
    timer.unref();
  });
}

/** Whether a connection is neither idle nor can be opened at once. */
export function isFull(pool: ConnectionPool): boolean {
  return pool.idle <= pool.waiting && pool.total >= pool.max;
}
