/** The run that begins when the one under way has ended, or when it is time. */
interface NextRun<T> {
  readonly outcome: Promise<T>;
  readonly begin: () => void;
  isHurried: boolean;
  timer: NodeJS.Timeout | undefined;
}

/** What a {@link SharedRun} works with. */
export interface SharedRunOptions {
  /** Runs that nobody waits for begin at least so long after each other; milliseconds. */
  readonly gapMs: number;
  /** Milliseconds of a monotonic clock. */
  readonly nowMs: () => number;
}

/**
 * Shares the runs of an asynchronous task: at most one is under way and one is waiting, whatever the number of callers.
 * Each caller gets the outcome of a run that began after its call, so the answer covers all that happened before it.
 */
export class SharedRun<T> {
  readonly #task: () => Promise<T>;
  readonly #options: SharedRunOptions;
  #running: Promise<T> | undefined;
  #next: NextRun<T> | undefined;
  #startedMs = -Infinity;

  constructor(task: () => Promise<T>, options: SharedRunOptions) {
    this.#task = task;
    this.#options = options;
  }

  /** A run that begins now, or as soon as the one under way has ended. */
  request(): Promise<T> {
    if (this.#running === undefined && this.#next === undefined) return this.#start();
    const next = (this.#next ??= this.#plan());
    this.hurry();
    return next.outcome;
  }

  /** A run for which more callers may come: it begins at once, or when the last one began `gapMs` ago, or by {@link hurry}. */
  requestSoon(): Promise<T> {
    if (this.#next !== undefined) return this.#next.outcome;
    if (this.#running === undefined && this.#leftMs() <= 0) return this.#start();
    const next = (this.#next = this.#plan());
    // By now it may be time: then it has begun, and is the next one no more.
    if (this.#running === undefined) this.#startNextInTime(next);
    return next.outcome;
  }

  /** Somebody waits for the run that was requested last. */
  hurry(): void {
    if (this.#next === undefined) return;
    this.#next.isHurried = true;
    if (this.#running === undefined) this.#startNext();
  }

  #plan(): NextRun<T> {
    let begin: (() => void) | undefined;
    const outcome = new Promise<T>((resolve) => (begin = () => resolve(this.#start())));
    return { outcome, begin: begin as unknown as () => void, isHurried: false, timer: undefined };
  }

  #start(): Promise<T> {
    this.#startedMs = this.#options.nowMs();
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
    next?.begin();
  }

  #leftMs(): number {
    return this.#startedMs + this.#options.gapMs - this.#options.nowMs();
  }
}
