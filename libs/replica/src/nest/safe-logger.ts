import { Logger } from '@nestjs/common';

/** Nest's logger, for places where nothing may throw: the application may have put its own in Nest's place. */
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

  /** As {@link error}, the same line no more than once a minute. */
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

const QUIET_MS = 60_000;

/** Names of errors come from anybody's code: so many are remembered. */
const MAX_LINES = 100;
