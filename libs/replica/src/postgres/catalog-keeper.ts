import { messageOf } from './postgres-errors.js';
import { loadCatalog, type StatementClassifier } from './statements/index.js';

/** Between two loads that were asked for; milliseconds. */
const MIN_INTERVAL_MS = 1_000;
/** Between two loads that nobody asked for: functions change by other hands, too. */
const MAX_INTERVAL_MS = 60_000;

/** By this an operator knows these queries in the server's log and statistics. */
const MARK = '/* nestjs-replica: catalog */';

/**
 * Keeps the classifier's knowledge of functions, operators and views true. Until it is loaded, and for whatever it does
 * not know, statements go to the primary.
 */
export class CatalogKeeper {
  readonly #classifier: StatementClassifier;
  readonly #query: (sql: string) => Promise<readonly Record<string, unknown>[]>;
  readonly #warn: (message: string) => void;
  #timer: NodeJS.Timeout | undefined;
  #isDueSoon = false;
  #loadedMs: number | undefined;
  #loading: Promise<void> | undefined;
  #stopped = false;

  constructor(
    classifier: StatementClassifier,
    query: (sql: string) => Promise<readonly Record<string, unknown>[]>,
    warn: (message: string) => void,
  ) {
    this.#classifier = classifier;
    this.#query = query;
    this.#warn = warn;
  }

  /** Loads the catalog, and again from time to time; resolves when that has succeeded or failed. */
  async start(): Promise<void> {
    await this.#load();
  }

  stop(): void {
    this.#stopped = true;
    clearTimeout(this.#timer);
  }

  /** Loads it again, now or within a second: at most once a second. */
  refreshSoon(): void {
    if (this.#isDueSoon || this.#stopped || this.#loadedMs === undefined) return;
    this.#isDueSoon = true;
    this.#schedule(Math.max(0, this.#loadedMs + MIN_INTERVAL_MS - performance.now()));
  }

  #load(): Promise<void> {
    this.#isDueSoon = false;
    this.#loadedMs = performance.now();
    this.#loading ??= this.#loadOnce().finally(() => {
      this.#loading = undefined;
      if (!this.#isDueSoon) this.#schedule(this.#classifier.hasCatalog ? MAX_INTERVAL_MS : MIN_INTERVAL_MS);
    });
    return this.#loading;
  }

  async #loadOnce(): Promise<void> {
    try {
      const catalog = await loadCatalog((sql) => this.#query(`${MARK} ${sql}`));
      if (!this.#stopped) this.#classifier.useCatalog(catalog);
    } catch (error) {
      if (!this.#stopped) {
        this.#warn(
          `functions of the database could not be read, what is new in it goes to the primary: ${messageOf(error)}`,
        );
      }
    }
  }

  #schedule(delayMs: number): void {
    if (this.#stopped) return;
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => void this.#load(), delayMs);
    this.#timer.unref();
  }
}
