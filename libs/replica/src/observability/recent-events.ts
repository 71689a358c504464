import type { RouterEvents } from './router-events.js';

/** An event of a router, with its time and its name beside its own fields. It can be turned into JSON. */
export type RecordedEvent = {
  readonly [E in keyof RouterEvents]: {
    /** When it happened; milliseconds since the epoch. */
    readonly atMs: number;
    readonly event: E;
  } & RouterEvents[E][0];
}[keyof RouterEvents];

/** How many events are kept. */
const MOST_EVENTS = 200;

/**
 * The last events of a router. Of statements it keeps only those that failed or needed more than one attempt: otherwise they would
 * push out everything else within a moment. No event holds SQL text.
 */
export class RecentEvents {
  readonly #events: RecordedEvent[] = [];
  readonly #nowMs: () => number;

  /** @param nowMs milliseconds since the epoch */
  constructor(nowMs: () => number = Date.now) {
    this.#nowMs = nowMs;
  }

  add<E extends keyof RouterEvents>(event: E, fields: RouterEvents[E][0]): void {
    if (this.#events.length >= MOST_EVENTS) this.#events.shift();
    this.#events.push({ atMs: this.#nowMs(), event, ...fields } as RecordedEvent);
  }

  /** The oldest first. */
  list(): readonly RecordedEvent[] {
    return [...this.#events];
  }
}
