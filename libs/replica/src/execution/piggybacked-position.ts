import type { Position } from '../session/position.js';
import type { ProbeResult } from '../topology/node-probe.js';
import type { Answer, CatalogQuery, Connection, Database } from './database.js';
import { RateLimit } from './rate-limit.js';

/** Many writes share one question of the monitor's; each of these is for one write: above this rate they would cost throughput. */
const RATE = { perSecond: 200, burst: 40 };

/** What {@link PiggybackedPositions} work with. */
export interface PiggybackedPositionsOptions {
  readonly database: Pick<Database, 'piggyback' | 'errors'>;
  /** The position that a node has told; `undefined` where its answer is none to rely on. */
  readonly accept: (node: string, answer: ProbeResult) => Position | undefined;
  /** Milliseconds of a monotonic clock. */
  readonly nowMs: () => number;
}

/**
 * Asks the primary for its position on a write's own connection, right behind the write: both answers come together. As long as there
 * are not too many writes, hardly any is known to have happened while its position is not, should the primary die.
 */
export class PiggybackedPositions {
  readonly #options: PiggybackedPositionsOptions;
  readonly #rate = new RateLimit(RATE);
  #hasStarted = false;
  /** The server, or a pooler before it, has refused the question; or there was never an answer, and a connection was lost by it. */
  #isRefused = false;
  #wasAnswered = false;

  constructor(options: PiggybackedPositionsOptions) {
    this.#options = options;
  }

  /** Learns what has to be known of the server; until then nothing is asked. Never rejects. */
  async start(query: CatalogQuery): Promise<void> {
    const { piggyback } = this.#options.database;
    if (piggyback === undefined) return;
    try {
      await piggyback.start(query);
      this.#hasStarted = true;
    } catch {
      // The monitor is asked then.
    }
  }

  /** Whether to ask behind this statement, which must leave no transaction open; if so that is counted. */
  mayAsk(connection: Connection, args: readonly unknown[]): boolean {
    const { database, nowMs } = this.#options;
    if (this.#isRefused || !this.#hasStarted || database.piggyback?.canAsk(connection, args) !== true)
      return false;
    return this.#rate.take(nowMs());
  }

  /**
   * Runs a statement of which {@link mayAsk} was said. `told` is called before the caller learns of the statement's answer: with
   * `undefined` where what the server told is not to be relied on, and not at all where it gave no answer.
   */
  run(
    connection: Connection,
    { args, node }: { readonly args: readonly unknown[]; readonly node: string },
    told: (position: Position | undefined) => void,
  ): Promise<Answer> {
    const { piggyback } = this.#options.database as { piggyback: NonNullable<Database['piggyback']> };
    return piggyback.run(connection, args, (failure, read) => {
      if (read === undefined) this.#failed(failure, piggyback.isHarmless(failure));
      else told(this.#read(node, read));
    });
  }

  #failed(failure: unknown, isHarmless: boolean): void {
    const { errors } = this.#options.database;
    // Where it never worked, something on the way may not bear two statements at once: no second write shall suffer.
    this.#isRefused ||= errors.isConnectionLoss(failure) ? !this.#wasAnswered : !isHarmless;
  }

  #read(node: string, read: () => ProbeResult): Position | undefined {
    this.#wasAnswered = true;
    try {
      return this.#options.accept(node, read());
    } catch {
      return undefined;
    }
  }
}
