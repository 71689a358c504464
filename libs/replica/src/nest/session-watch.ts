import type { RequestContext } from '../context/request-context.js';
import type { Engine } from '../engine/engine.js';
import { SafeLogger } from './loggers.js';

/**
 * How many requests must write without a session, and none with one, before the warning. A public route writes so now
 * and then.
 */
const WRITES_BEFORE_WARNING = 20;

/**
 * Counts HTTP requests that write and belong to no session. Warns once if there is no other kind: then nobody sets
 * the cookie or header that `session.key` looks for, or the option is missing, and no error would ever tell.
 */
export class SessionWatch {
  readonly #engine: Engine;
  readonly #logger = new SafeLogger();
  /**
   * There is nothing to warn about any more: a request belonged to a session, the warning was given, or nobody
   * expects the promise to sessions.
   */
  #isDone: boolean;

  constructor(engine: Engine) {
    this.#engine = engine;
    this.#isDone = engine.options.defaultConsistency !== 'session';
  }

  /** The response of a request has left. */
  ended({ session, ledger }: RequestContext): void {
    if (!this.#engine.hasReplicas) return;
    if (!this.#isDone && session?.standing === 'known') this.#isDone = true;
    if (!ledger.mayHaveWritten || session?.mayBeSaved === true) return;
    const { counters } = this.#engine;
    counters.writesWithoutSession++;
    if (!this.#isDone && counters.writesWithoutSession >= WRITES_BEFORE_WARNING) this.#warn();
  }

  #warn(): void {
    this.#isDone = true;
    const hasKey = this.#engine.options.session.key !== undefined;
    const why = hasKey
      ? '`session.key` has found none in any request: see who sets the cookie or header that it looks for'
      : 'set `session.key` or `session.token`';
    this.#logger.warn(
      `${WRITES_BEFORE_WARNING} requests have written and belonged to no session, so nothing lets their clients see that in their ` +
        `next request: ${why} (docs/recipes.md)`,
    );
  }
}
