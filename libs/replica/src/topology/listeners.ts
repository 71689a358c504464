import { isThenable } from '../session/is-thenable.js';

type Listener<Args extends readonly unknown[]> = (...args: Args) => unknown;

/** Which events there are, and what each is told with. */
type EventMap<Events> = Record<keyof Events, readonly unknown[]>;

/**
 * Who listens to events. A listener that throws, or returns a promise that rejects, harms nobody: neither the next
 * listener nor whoever tells the event.
 */
export class Listeners<Events extends EventMap<Events>> {
  readonly #byEvent = new Map<keyof Events, readonly { readonly call: Listener<readonly unknown[]> }[]>();
  readonly #onFailure: (event: keyof Events, error: unknown) => void;
  /** Told when all has happened that belongs together; `undefined` while nothing is held back. */
  #heldBack: (() => void)[] | undefined;

  /** `onFailure` learns of listeners that fail. */
  constructor(onFailure: (event: keyof Events, error: unknown) => void) {
    this.#onFailure = onFailure;
  }

  /** Calls `listener` at each event; returns how to stop that. */
  on<E extends keyof Events>(event: E, listener: Listener<Events[E]>): () => void {
    const entry = { call: listener as Listener<readonly unknown[]> };
    this.#byEvent.set(event, [...(this.#byEvent.get(event) ?? []), entry]);
    return () =>
      void this.#byEvent.set(
        event,
        (this.#byEvent.get(event) ?? []).filter((one) => one !== entry),
      );
  }

  /** Whether anybody listens to the event. */
  has(event: keyof Events): boolean {
    return (this.#byEvent.get(event)?.length ?? 0) > 0;
  }

  /** Tells all who listen now, in the order in which they came. */
  emit<E extends keyof Events>(event: E, ...args: Events[E]): void {
    if (this.#heldBack === undefined) this.#tell(event, args);
    else this.#heldBack.push(() => this.#tell(event, args));
  }

  /** Holds back what is told inside until all of it has happened, so that no listener sees half of it. */
  together<T>(happens: () => T): T {
    if (this.#heldBack !== undefined) return happens();
    const heldBack: (() => void)[] = [];
    this.#heldBack = heldBack;
    try {
      return happens();
    } finally {
      this.#heldBack = undefined;
      for (const tell of heldBack) tell();
    }
  }

  #tell(event: keyof Events, args: readonly unknown[]): void {
    for (const { call } of this.#byEvent.get(event) ?? []) {
      try {
        const result = call(...args);
        if (isThenable(result)) result.then(undefined, (error: unknown) => this.#onFailure(event, error));
      } catch (error) {
        this.#onFailure(event, error);
      }
    }
  }
}
