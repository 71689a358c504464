import { EventEmitter } from 'node:events';
import { bindToCaller } from '../context/callers-context.js';
import type { ContextStorage } from '../context/context-storage.js';

// The type that Node's own declarations give to listeners.
// oxlint-disable-next-line typescript/no-explicit-any
export type Listener = (...args: any[]) => void;

/**
 * Emits the events of sockets, which belong to no request. Each listener runs in the context of the code that added it. A
 * listener for errors gets only its request back, not the contexts of other libraries: TypeORM adds such a listener for every
 * statement.
 */
export class CallerEmitter extends EventEmitter {
  readonly #contexts: ContextStorage;

  constructor(contexts: ContextStorage) {
    super();
    this.#contexts = contexts;
  }

  override on(event: string | symbol, listener: Listener): this {
    return super.on(event, this.#bound(event, listener));
  }

  override addListener(event: string | symbol, listener: Listener): this {
    return this.on(event, listener);
  }

  override prependListener(event: string | symbol, listener: Listener): this {
    return super.prependListener(event, this.#bound(event, listener));
  }

  override once(event: string | symbol, listener: Listener): this {
    return super.on(event, this.#onceBound(event, listener));
  }

  override prependOnceListener(event: string | symbol, listener: Listener): this {
    return super.prependListener(event, this.#onceBound(event, listener));
  }

  /** What is called for a listener, in the context of the code that added it. */
  protected listenerFor(_event: string | symbol, listener: Listener): Listener {
    return listener;
  }

  #onceBound(event: string | symbol, listener: Listener): Listener {
    const bound = this.#bound(event, (...args: unknown[]) => {
      super.removeListener(event, bound);
      listener.apply(this, args);
    });
    return Object.assign(bound, { listener });
  }

  /** When Node's emitters remove a listener, they also look for it in this property. */
  #bound(event: string | symbol, listener: Listener): Listener {
    const called = this.listenerFor(event, listener);
    const bound = event === 'error' ? this.#contexts.bind(called) : bindToCaller(called);
    return bound === listener ? bound : Object.assign(bound, { listener });
  }
}
