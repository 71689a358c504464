import type { NodeWatch } from './node-watch.js';

/** The watches of all nodes, by name; they begin and end together or one by one. */
export class WatchList {
  readonly #watches = new Map<string, NodeWatch>();
  /** Those that end. */
  readonly #ending = new Set<Promise<void>>();
  #isStarted = false;

  find(name: string): NodeWatch | undefined {
    return this.#watches.get(name);
  }

  /** All of them, with their names. */
  all(): Iterable<[string, NodeWatch]> {
    return this.#watches;
  }

  /** Begins at once if the others have. */
  add(name: string, watch: NodeWatch): void {
    this.#watches.set(name, watch);
    if (this.#isStarted) watch.start();
  }

  /** Ends one, without waiting for that; {@link stop} does. */
  remove(name: string): void {
    const watch = this.#watches.get(name);
    this.#watches.delete(name);
    if (watch !== undefined) this.endSoon(watch.stop());
  }

  /** Something ends meanwhile. Whether it succeeds concerns nobody. */
  endSoon(ending: Promise<void>): void {
    const ended = ending
      .catch(() => undefined)
      .finally(() => {
        this.#ending.delete(ended);
      });
    this.#ending.add(ended);
  }

  start(): void {
    this.#isStarted = true;
    for (const watch of this.#watches.values()) watch.start();
  }

  async stop(): Promise<void> {
    this.#isStarted = false;
    await Promise.all([...this.#ending, ...[...this.#watches.values()].map((watch) => watch.stop())]);
  }
}
