/** The run that begins when the current one has ended, or when the gap is over. */
interface NextRun<T> {
  readonly outcome: Promise<T>;
  readonly settle: (outcome: Promise<T>) => void;
  isHurried: boolean;
  timer: NodeJS.Timeout | undefined;
}

/**
 * Shares the runs of an asynchronous task. At most one run is under way and one is waiting, however many callers there are. Each
 * caller gets the outcome of a run that began after its call, so the outcome covers everything that happened before.
 */
export class SharedRun<T> {
  readonly #task: () => Promise<T>;
  readonly #gapMs: number;
  readonly #nowMs: () => number;
  #running: Promise<T> | undefined;
  #next: NextRun<T> | undefined;
  #startedMs = -Infinity;
  /** For each run that something else replaces: starts it after all. */
  readonly #replaced = new Set<() => void>();

  /**
   * @param gapMs the least time between the starts of two runs that nobody waits for, in milliseconds of the monotonic clock
   * `nowMs`
   */
  constructor(task: () => Promise<T>, gapMs: number, nowMs: () => number) {
    this.#task = task;
    this.#gapMs = gapMs;
    this.#nowMs = nowMs;
  }

  /** A run that begins now, or as soon as the current one has ended. */
  request(): Promise<T> {
    if (this.#running === undefined && this.#next === undefined) return this.#start();
    const next = (this.#next ??= this.#plan());
    this.hurry();
    return next.outcome;
  }

  /** A run that more callers may join. It begins at once, `gapMs` after the start of the last one, or at {@link hurry}. */
  requestSoon(): Promise<T> {
    if (this.#next !== undefined) return this.#next.outcome;
    if (this.#running === undefined && this.#leftMs() <= 0) return this.#start();
    const next = (this.#next = this.#plan());
    // The gap may be over by now. Then this begins the run, and it is no longer the next one.
    if (this.#running === undefined) this.#startNextInTime(next);
    return next.outcome;
  }

  /** Starts the last requested run as soon as possible, because somebody waits for it. */
  hurry(): void {
    for (const runAnyway of this.#replaced) runAnyway();
    if (this.#next === undefined) return;
    this.#next.isHurried = true;
    if (this.#running === undefined) this.#startNext();
  }

  /**
   * Somebody is about to do elsewhere what the task does. Those who wait for a run that has not begun, and are in no hurry, get
   * the outcome of that: call the returned function with it. They get a run of their own if the outcome is `undefined` or takes
   * longer than the gap, or at {@link hurry}. Returns `undefined` if nobody waits.
   */
  replaceNext(): ((outcome: T | undefined) => void) | undefined {
    const next = this.#next;
    if (next === undefined || next.isHurried) return undefined;
    this.#next = undefined;
    this.#startedMs = this.#nowMs();
    const ended = (outcome: T | undefined): void => {
      if (!this.#replaced.delete(runAnyway)) return;
      clearTimeout(next.timer);
      next.settle(outcome === undefined ? this.request() : Promise.resolve(outcome));
    };
    const runAnyway = (): void => ended(undefined);
    this.#replaced.add(runAnyway);
    clearTimeout(next.timer);
    next.timer = setTimeout(runAnyway, this.#gapMs);
    return ended;
  }

  #plan(): NextRun<T> {
    let settle: ((outcome: Promise<T>) => void) | undefined;
    const outcome = new Promise<T>((resolve) => (settle = resolve));
    return {
      outcome,
      settle: settle as unknown as (outcome: Promise<T>) => void,
      isHurried: false,
      timer: undefined,
    };
  }

  #start(): Promise<T> {
    this.#startedMs = this.#nowMs();
    const run = this.#task();
    this.#running = run;
    const ended = (): void => {
      this.#running = undefined;
      if (this.#next !== undefined) this.#startNextInTime(this.#next);
    };
    run.then(ended, ended);
    return run;
  }

  #startNextInTime(next: NextRun<T>): void {
    const leftMs = this.#leftMs();
    if (next.isHurried || leftMs <= 0) this.#startNext();
    else next.timer = setTimeout(() => this.#startNext(), leftMs);
  }

  #startNext(): void {
    const next = this.#next;
    this.#next = undefined;
    clearTimeout(next?.timer);
    next?.settle(this.#start());
  }

  #leftMs(): number {
    return this.#startedMs + this.#gapMs - this.#nowMs();
  }
}
