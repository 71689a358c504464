import { messageOf } from '../../errors/describe-error.js';
import { inTime } from '../../topology/in-time.js';
import type { CatalogQuery, LoadedCatalog, Outside, Classifier } from '../database.js';

/** The shortest interval between loads that somebody asked for; milliseconds. */
const MIN_INTERVAL_MS = 1_000;
/** The interval between loads that nobody asked for, in milliseconds. Other people change functions, too. */
const MAX_INTERVAL_MS = 60_000;
/** How long anyone waits for a newer catalog; milliseconds. */
const FRESH_TIMEOUT_MS = 3_000;

/** Lets operators recognize these queries in the server's log and statistics. */
const MARK = '/* nestjs-replica: catalog */';

/** What is known of the database's functions, operators and relations. Safe to turn into JSON. */
export interface CatalogStatus {
  /** `false`: nothing is known yet, so no statement counts as a read that may leave the primary. */
  readonly isLoaded: boolean;
  /** How long ago the catalog was read, in milliseconds. `null` before the first time. */
  readonly ageMs: number | null;
  /**
   * What keeps all reads on the primary, in words: an implicit cast between built-in types, or a comparison of such types, whose
   * function may write. For example: `cast (text as integer) with function to_int`. Declare the function STABLE or IMMUTABLE if
   * it only reads. Empty if nothing does.
   */
  readonly keepsAllOnPrimary: readonly string[];
  /** Why the last attempt to read the catalog failed. `null`: it succeeded. */
  readonly problem: string | null;
}

interface CatalogKeeperOptions {
  readonly classifier: Pick<Classifier, 'loadCatalog'>;
  readonly query: CatalogQuery;
  readonly warn: (message: string) => void;
  /** A reload belongs to no request, unlike the statement that triggers it. If absent, it runs in the caller's context. */
  readonly outside?: Outside;
  readonly nowMs: () => number;
}

/**
 * Keeps the classifier's knowledge of functions, operators and views up to date. Until the catalog is loaded, every statement
 * goes to the primary. Later every statement does that names something unknown.
 */
export class CatalogKeeper {
  readonly #options: CatalogKeeperOptions;
  #timer: NodeJS.Timeout | undefined;
  #isDueSoon = false;
  #begunMs: number | undefined;
  #loadedMs: number | undefined;
  #loading: Promise<void> | undefined;
  /** How long an unknown name waits for a reload. The time grows whenever a reload brings nothing new. */
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

  /** Loads the catalog now and then again from time to time. Resolves when the first load has succeeded or failed. */
  async start(): Promise<void> {
    await this.#load();
  }

  stop(): void {
    this.#stopped = true;
    clearTimeout(this.#timer);
    this.#release();
  }

  /** Something may have changed. Reloads the catalog now or within a second, and at most once a second. */
  refreshSoon(): void {
    this.#patienceMs = MIN_INTERVAL_MS;
    this.#refreshAfter(MIN_INTERVAL_MS);
  }

  /**
   * A statement names something unknown. Reloads the catalog within a second. If that brings nothing new, as with a temporary
   * table, the next reload comes after a longer pause, up to a minute.
   */
  missesName(): void {
    this.#refreshAfter(this.#patienceMs);
  }

  /** Resolves when a load that begins after this call has succeeded or failed, or after three seconds at the latest. */
  async fresh(): Promise<void> {
    if (this.#stopped || this.#begunMs === undefined) return;
    const loaded = new Promise<void>((resolve) => this.#waiting.push(resolve));
    this.#refreshAfter(MIN_INTERVAL_MS);
    await inTime(loaded, FRESH_TIMEOUT_MS, () => undefined);
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

  /** Warns once, and again when something has changed. */
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
