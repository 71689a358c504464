import { messageOf } from '../../errors/describe-error.js';
import type { CatalogQuery, LoadedCatalog, Outside, Classifier } from '../database.js';

/** Between two loads that were asked for; milliseconds. */
const MIN_INTERVAL_MS = 1_000;
/** Between two loads that nobody asked for: functions change by other hands, too. */
const MAX_INTERVAL_MS = 60_000;
/** Whoever waits for a newer catalog waits no longer; milliseconds. */
const FRESH_TIMEOUT_MS = 3_000;

/** By this an operator knows these queries in the server's log and statistics. */
const MARK = '/* nestjs-replica: catalog */';

/** What is known of the functions, operators and relations of the database. Can be turned into JSON. */
export interface CatalogStatus {
  /** `false`: nothing is known yet, so nothing is a read that may leave the primary. */
  readonly isLoaded: boolean;
  /** How long ago it was read, in milliseconds; `null` before the first time. */
  readonly ageMs: number | null;
  /**
   * What keeps all reads on the primary, in words: an implicit cast between built-in types, or a comparison of such, whose function may
   * write: `cast (text as integer) with function to_int`. Declare the function STABLE or IMMUTABLE if it only reads. Empty:
   * nothing does.
   */
  readonly keepsAllOnPrimary: readonly string[];
  /** Why it could not be read the last time; `null`: it could. */
  readonly problem: string | null;
}

/** What a {@link CatalogKeeper} works with. */
export interface CatalogKeeperOptions {
  readonly classifier: Pick<Classifier, 'loadCatalog'>;
  readonly query: CatalogQuery;
  /** Something that an operator should know, in one line. */
  readonly warn: (message: string) => void;
  /** Calls a function outside any request: the statement that has it loaded again belongs to one. As it is, where absent. */
  readonly outside?: Outside;
  /** Milliseconds of a monotonic clock. */
  readonly nowMs: () => number;
}

/**
 * Keeps the classifier's knowledge of functions, operators and views true. Until it is loaded, and for whatever it does
 * not know, statements go to the primary.
 */
export class CatalogKeeper {
  readonly #options: CatalogKeeperOptions;
  #timer: NodeJS.Timeout | undefined;
  #isDueSoon = false;
  /** When the last load began. */
  #begunMs: number | undefined;
  #loadedMs: number | undefined;
  #loading: Promise<void> | undefined;
  /** How long to wait before it is loaded for a name that it does not know: longer each time that it brings nothing new. */
  #patienceMs = MIN_INTERVAL_MS;
  #suspects: readonly string[] = [];
  #problem: string | undefined;
  #waiting: (() => void)[] = [];
  #stopped = false;

  constructor(options: CatalogKeeperOptions) {
    this.#options = options;
  }

  get status(): CatalogStatus {
    return {
      isLoaded: this.#loadedMs !== undefined,
      ageMs: this.#loadedMs === undefined ? null : Math.round(this.#options.nowMs() - this.#loadedMs),
      keepsAllOnPrimary: this.#suspects,
      problem: this.#problem ?? null,
    };
  }

  /** Loads the catalog, and again from time to time; resolves when that has succeeded or failed. */
  async start(): Promise<void> {
    await this.#load();
  }

  stop(): void {
    this.#stopped = true;
    clearTimeout(this.#timer);
    this.#release();
  }

  /** Something may have changed: loads it again, now or within a second, and at most once a second. */
  refreshSoon(): void {
    this.#patienceMs = MIN_INTERVAL_MS;
    this.#refreshAfter(MIN_INTERVAL_MS);
  }

  /**
   * A statement names what it does not know. Loads it again within a second; where that brings nothing new, as with a temporary
   * table, the next time after a longer pause, up to a minute.
   */
  missesName(): void {
    this.#refreshAfter(this.#patienceMs);
  }

  /** Resolves when a load that begins from now on has succeeded or failed, and after three seconds in any case. */
  async fresh(): Promise<void> {
    if (this.#stopped || this.#begunMs === undefined) return;
    let timer: NodeJS.Timeout | undefined;
    const loaded = new Promise<void>((resolve) => {
      this.#waiting.push(resolve);
      timer = setTimeout(resolve, FRESH_TIMEOUT_MS);
    });
    this.#refreshAfter(MIN_INTERVAL_MS);
    await loaded;
    clearTimeout(timer);
  }

  #refreshAfter(intervalMs: number): void {
    if (this.#stopped || this.#begunMs === undefined) return;
    if (this.#isDueSoon && intervalMs > MIN_INTERVAL_MS) return;
    this.#isDueSoon = true;
    if (this.#loading === undefined) this.#scheduleAt(this.#begunMs + intervalMs);
  }

  #load(): Promise<void> {
    this.#loading ??= this.#loadOnce().finally(() => {
      this.#loading = undefined;
      if (this.#isDueSoon && this.#begunMs !== undefined) this.#scheduleAt(this.#begunMs + MIN_INTERVAL_MS);
      else this.#schedule(this.#loadedMs === undefined ? MIN_INTERVAL_MS : MAX_INTERVAL_MS);
    });
    return this.#loading;
  }

  async #loadOnce(): Promise<void> {
    const { classifier, query, nowMs } = this.#options;
    this.#isDueSoon = false;
    this.#begunMs = nowMs();
    const waiting = this.#waiting;
    this.#waiting = [];
    try {
      const catalog = await classifier.loadCatalog((sql) => query(`${MARK} ${sql}`));
      if (!this.#stopped) this.#use(catalog);
    } catch (error) {
      if (!this.#stopped) this.#failed(messageOf(error));
    }
    for (const resolve of waiting) resolve();
  }

  #use(catalog: LoadedCatalog): void {
    const isNew = catalog.use();
    this.#patienceMs = isNew ? MIN_INTERVAL_MS : Math.min(2 * this.#patienceMs, MAX_INTERVAL_MS);
    this.#loadedMs = this.#options.nowMs();
    this.#problem = undefined;
    this.#tellSuspects(catalog.suspects);
  }

  /** Once, and again where something has changed. */
  #tellSuspects(suspects: readonly string[]): void {
    const before = this.#suspects;
    this.#suspects = suspects;
    if (suspects.join() === before.join()) return;
    this.#options.warn(
      suspects.length === 0
        ? 'nothing in the database keeps all reads on the primary any more'
        : `all reads stay on the primary: any of them may use the ${suspects.join(', the ')}; declare the function STABLE or IMMUTABLE if it only reads`,
    );
  }

  #failed(problem: string): void {
    if (problem !== this.#problem) {
      this.#options.warn(
        `functions of the database could not be read, what is new in it goes to the primary: ${problem}`,
      );
    }
    this.#problem = problem;
  }

  #release(): void {
    for (const resolve of this.#waiting) resolve();
    this.#waiting = [];
  }

  #scheduleAt(timeMs: number): void {
    this.#schedule(Math.max(0, timeMs - this.#options.nowMs()));
  }

  #schedule(delayMs: number): void {
    if (this.#stopped) return;
    clearTimeout(this.#timer);
    const start = (): NodeJS.Timeout => setTimeout(() => void this.#load(), delayMs).unref();
    this.#timer = this.#options.outside?.(start) ?? start();
  }
}
