import { isThenable } from '../session/is-thenable.js';

type Listener<Args extends readonly unknown[]> = (...args: Args) => unknown;

type EventMap<Events> = Record<keyof Events, readonly unknown[]>;

/** The listeners to events. One that throws or rejects harms neither the next one nor the code that emits. */
export class Listeners<Events extends EventMap<Events>> {
  readonly #byEvent = new Map<keyof Events, readonly { readonly call: Listener<readonly unknown[]> }[]>();
  readonly #onFailure: (event: keyof Events, error: unknown) => void;
  /** Calls that {@link together} holds back; `undefined` while nothing is held back. */
  #heldBack: (() => void)[] | undefined;

  constructor(onFailure: (event: keyof Events, error: unknown) => void) {
    this.#onFailure = onFailure;
  }

  /** Calls `listener` at each event. The returned function stops that. */
  on<E extends keyof Events>(event: E, listener: Listener<Events[E]>): () => void {
    const entry = { call: listener as Listener<readonly unknown[]> };
    this.#byEvent.set(event, [...(this.#byEvent.get(event) ?? []), entry]);
    return () =>
      void this.#byEvent.set(
        event,
        (this.#byEvent.get(event) ?? []).filter((one) => one !== entry),
      );
  }

  has(event: keyof Events): boolean {
    return (this.#byEvent.get(event)?.length ?? 0) > 0;
  }

  /** Calls the current listeners, in the order in which they were added. */
  emit<E extends keyof Events>(event: E, ...args: Events[E]): void {
    if (this.#heldBack === undefined) this.#tell(event, args);
    else this.#heldBack.push(() => this.#tell(event, args));
  }

  /** Holds back the events that `happens` emits until it has returned, so that no listener sees a half-made change. */
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
