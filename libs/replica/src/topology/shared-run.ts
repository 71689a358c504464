/**
 * Shares the runs of an asynchronous task: at most one is under way and one is waiting, whatever the number of callers.
 * Each caller gets the outcome of a run that began after its call, so the answer covers all that happened before it.
 */
export class SharedRun<T> {
  readonly #task: () => Promise<T>;
  #running: Promise<T> | undefined;
  #waiting: Promise<T> | undefined;

  constructor(task: () => Promise<T>) {
    this.#task = task;
  }

  /** A run that begins now, or as soon as the one under way has ended. */
  request(): Promise<T> {
    if (this.#running === undefined) return this.#start();
    this.#waiting ??= this.#startAfter(this.#running);
    return this.#waiting;
  }

  async #startAfter(running: Promise<T>): Promise<T> {
    try {
      await running;
    } catch {
      // Its own callers learn of it.
    }
    this.#waiting = undefined;
    return this.#running ?? this.#start();
  }

  #start(): Promise<T> {
    const run = this.#task().finally(() => {
      if (this.#running === run) this.#running = undefined;
    });
    this.#running = run;
    return run;
  }
}
