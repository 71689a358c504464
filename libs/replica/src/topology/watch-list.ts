import type { NodeWatch } from './node-watch.js';

/** The watches of all nodes, by name. They start and stop together or one by one. */
export class WatchList {
  readonly #watches = new Map<string, NodeWatch>();
  /** What is ending now. */
  readonly #ending = new Set<Promise<void>>();
  #isStarted = false;

  find(name: string): NodeWatch | undefined {
    return this.#watches.get(name);
  }

  /** All watches, with their names. */
  all(): Iterable<[string, NodeWatch]> {
    return this.#watches;
  }

  /** Adds a watch, and starts it if the others have started. */
  add(name: string, watch: NodeWatch): void {
    this.#watches.set(name, watch);
    if (this.#isStarted) watch.start();
  }

  /** Stops a watch without waiting for its end. {@link stop} waits for it. */
  remove(name: string): void {
    const watch = this.#watches.get(name);
    this.#watches.delete(name);
    if (watch !== undefined) this.endSoon(watch.stop());
  }

  /** Lets {@link stop} wait for something that is ending. Its failure concerns nobody. */
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
