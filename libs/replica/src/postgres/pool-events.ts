import type { EventEmitter } from 'node:events';
import type pg from 'pg';

/** What a pool of `pg` tells whoever listens to it. */
export const POOL_EVENTS = ['connect', 'acquire', 'release', 'remove', 'error'] as const;
export type PoolEvent = (typeof POOL_EVENTS)[number];

/** Who hears what happens in the pools of the nodes, and of which. */
export interface PoolListener {
  readonly emitter: EventEmitter;
  readonly hears: (node: string) => boolean;
}

/** Lets the pools that TypeORM holds emit what happens in those of the nodes, lanes and nodes that come later included. */
export class PoolEvents {
  readonly #listeners: PoolListener[] = [];

  add(listener: PoolListener): void {
    this.#listeners.push(listener);
  }

  /** Somebody does something to each new connection. */
  get isConnectHeard(): boolean {
    return this.#listeners.some(({ emitter }) => emitter.listenerCount('connect') > 0);
  }

  /** Forwards what happens in this pool of a node. */
  forward(pool: pg.Pool, node: string): void {
    for (const event of POOL_EVENTS)
      pool.on(event as 'error', (...args: unknown[]) => this.#emit(node, event, args));
  }

  #emit(node: string, event: PoolEvent, args: unknown[]): void {
    for (const { emitter, hears } of this.#listeners)
      if (emitter.listenerCount(event) > 0 && hears(node)) emitter.emit(event, ...args);
  }
}
