import type { EventEmitter } from 'node:events';

/** What a pool of `pg` tells whoever listens to it. */
export type PoolEvent = 'connect' | 'acquire' | 'release' | 'remove' | 'error';

/** Who hears what happens in the pools of the nodes, and of which. */
export interface PoolListener {
  /** A pool. Once it has `ended` it hears no more of a data source that is initialized anew. */
  readonly emitter: EventEmitter & { readonly ended: boolean };
  readonly hears: (node: string) => boolean;
}

/** Lets the pools that TypeORM holds emit what happens in those of the nodes, lanes and nodes that come later included. */
export class PoolEvents {
  #listeners: readonly PoolListener[] = [];

  add(listener: PoolListener): void {
    this.#listeners = [...this.#listeners.filter(({ emitter }) => !emitter.ended), listener];
  }

  /** Somebody does something to each new connection. */
  get isConnectHeard(): boolean {
    return this.#listeners.some(({ emitter }) => emitter.listenerCount('connect') > 0);
  }

  /** Something has happened in the pool of a node: some of this on the way of every statement. */
  emit(node: string, event: PoolEvent, first: unknown, second?: unknown): void {
    for (const { emitter, hears } of this.#listeners) {
      if (emitter.listenerCount(event) === 0 || !hears(node)) continue;
      if (second === undefined) emitter.emit(event, first);
      else emitter.emit(event, first, second);
    }
  }
}
