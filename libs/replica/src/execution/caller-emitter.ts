import { EventEmitter } from 'node:events';
import { bindToCaller } from '../context/callers-context.js';
import type { ContextStorage } from '../context/context-storage.js';

// The type that Node's own declarations give to listeners.
// oxlint-disable-next-line typescript/no-explicit-any
type Listener = (...args: any[]) => void;

/**
 * Emits what comes from sockets, which belong to nobody's request: each listener runs in the context of whoever added it. A listener
 * to errors gets only its request back, and not what other libraries keep: TypeORM adds one for each statement.
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

  #onceBound(event: string | symbol, listener: Listener): Listener {
    const bound = this.#bound(event, (...args: unknown[]) => {
      super.removeListener(event, bound);
      listener.apply(this, args);
    });
    return Object.assign(bound, { listener });
  }

  /** Node's emitters find one by its `listener`, too, when it is removed. */
  #bound(event: string | symbol, listener: Listener): Listener {
    const bound = event === 'error' ? this.#contexts.bind(listener) : bindToCaller(listener);
    return bound === listener ? bound : Object.assign(bound, { listener });
  }
}
