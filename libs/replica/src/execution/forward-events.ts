import type { EventEmitter } from 'node:events';

/** Who has a connection at the moment. */
export interface ConnectionOwner {
  /** Emits the events of the connection anew. */
  readonly emitter: EventEmitter;
  /** Hears each error first. Returns whether the emitter should emit it, too. */
  failed(error: unknown): boolean;
}

const FORWARDERS = new WeakMap<EventEmitter, Forwarder>();

/**
 * Forwards the events of a driver's connection to its owner. `undefined`: to nobody. A connection changes hands with each write, and
 * adding listeners takes time, so they are added once.
 */
export function forwardEvents(
  driver: EventEmitter,
  events: readonly string[],
  owner: ConnectionOwner | undefined,
): void {
  let forwarder = FORWARDERS.get(driver);
  if (forwarder === undefined) {
    if (owner === undefined) return;
    forwarder = new Forwarder(driver, events);
    FORWARDERS.set(driver, forwarder);
  }
  forwarder.owner = owner;
}

class Forwarder {
  owner: ConnectionOwner | undefined;

  constructor(driver: EventEmitter, events: readonly string[]) {
    driver.on('error', (error: unknown) => {
      const { owner } = this;
      if (owner?.failed(error) === true && owner.emitter.listenerCount('error') > 0)
        owner.emitter.emit('error', error);
    });
    for (const event of events)
      driver.on(event, (...args: unknown[]) => void this.owner?.emitter.emit(event, ...args));
  }
}
