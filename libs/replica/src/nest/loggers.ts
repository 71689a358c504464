import { Logger } from '@nestjs/common';
import { DEFAULT_NAME } from './module-tokens.js';

/** Nest's logger for lines to operators of a data source. */
export function loggerOf(name: string): Logger {
  return new Logger(name === DEFAULT_NAME ? 'ReplicaModule' : `ReplicaModule:${name}`);
}

/** How long the same error is not logged again; milliseconds. */
const QUIET_MS = 60_000;

/** How many lines are remembered. They hold names of errors, which come from anybody's code. */
const MAX_LINES = 100;

/** Nest's logger for places where nothing may throw. The application may have replaced it by its own. */
export class SafeLogger {
  readonly #logger = new Logger('ReplicaModule');
  readonly #saidAtMs = new Map<string, number>();

  error(line: string): void {
    this.#quietly(() => this.#logger.error(line));
  }

  warn(line: string): void {
    this.#quietly(() => this.#logger.warn(line));
  }

  log(line: string): void {
    this.#quietly(() => this.#logger.log(line));
  }

  /** Like {@link error}, but the same line at most once a minute. */
  errorNowAndThen(line: string): void {
    const now = performance.now();
    if (now - (this.#saidAtMs.get(line) ?? Number.NEGATIVE_INFINITY) < QUIET_MS) return;
    if (this.#saidAtMs.size >= MAX_LINES) this.#saidAtMs.clear();
    this.#saidAtMs.set(line, now);
    this.error(line);
  }

  #quietly(say: () => void): void {
    try {
      say();
    } catch {
      // There is nobody left to tell.
    }
  }
}
