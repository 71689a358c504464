import { PoolBusyError } from '../../errors/pool-busy.error.js';
import type { Connection, ConnectionPool } from '../database.js';
import type { WaitQueue } from './wait-queue.js';

/** Whether what waits for a connection to the node of that name could have one elsewhere at once. */
export type BetterElsewhere = (node: string) => boolean;

/** How a connection is waited for. */
export interface TakeOptions {
  /** Who else waits, and can be told that it is in vain. */
  readonly waiting: WaitQueue;
  /**
   * Whether it could be had elsewhere: asked now and then while all connections are in use. Then it rejects with a
   * {@link PoolBusyError}. `undefined`: there is nothing else to wait for.
   */
  readonly isBetterElsewhere: BetterElsewhere | undefined;
  /** The node's name. */
  readonly node: string;
  /** What the caller shall be told for an error of the pool. */
  readonly errorOf: (error: unknown) => unknown;
  /** Gives a connection back that came too late. */
  readonly release: (connection: Connection) => void;
}

/** So long whoever waits is not sent elsewhere: milliseconds. */
const PATIENCE_MS = 200;

/**
 * A connection of a pool. One that comes when it is not waited for any more goes back. With no more promises than it takes:
 * this is on the way of every statement.
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

/** A connection cannot be had at once, nor made. */
export function isFull(pool: ConnectionPool): boolean {
  return pool.idle <= pool.waiting && pool.total >= pool.max;
}
