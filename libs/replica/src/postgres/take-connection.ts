import type pg from 'pg';
import { PoolBusyError } from '../errors/pool-busy.error.js';
import type { Waiting } from './waiting.js';

/** Whether what waits for a connection to the node of that name could have one elsewhere at once. */
export type BetterElsewhere = (node: string) => boolean;

/** How a connection is waited for. */
export interface TakeOptions {
  /** Who else waits, and can be told that it is in vain. */
  readonly waiting: Waiting;
  /**
   * Whether it could be had elsewhere: asked now and then while all connections are in use. Then it rejects with a
   * {@link PoolBusyError}. `undefined`: there is nothing else to wait for.
   */
  readonly isBetterElsewhere: BetterElsewhere | undefined;
  /** The node's name. */
  readonly node: string;
  /** What the caller shall be told for an error of the pool. */
  readonly errorOf: (error: unknown) => unknown;
}

/** So long whoever waits is not sent elsewhere: milliseconds. */
const PATIENCE_MS = 200;

/**
 * A connection of a pool. One that comes when it is not waited for any more goes back. With no more promises than it takes:
 * this is on the way of every statement.
 */
export function takeConnection(pool: pg.Pool, options: TakeOptions): Promise<pg.PoolClient> {
  const { waiting, isBetterElsewhere, node, errorOf } = options;
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
    pool.connect((error, client) => {
      if (!isWaiting) return client?.release();
      end();
      if (client === undefined) reject(errorOf(error));
      else resolve(client);
    });
    if (!mayLeave) return;
    timer = setInterval(() => {
      if (isBetterElsewhere(node)) giveUp(new PoolBusyError());
    }, PATIENCE_MS);
    timer.unref();
  });
}

/** A connection cannot be had at once, nor made. */
export function isFull(pool: pg.Pool): boolean {
  return pool.idleCount <= pool.waitingCount && pool.totalCount >= pool.options.max;
}
