import type { Position } from '../session/position.js';
import type { ProbeResult } from '../topology/node-probe.js';
import type { Answer, CatalogQuery, Connection, Database, SentCall } from './database.js';
import { RateLimit } from './rate-limit.js';

/** How many writes may carry a question of their own. At higher rates that would cost throughput: the monitor asks once for many. */
const RATE = { perSecond: 100, burst: 40 };

interface PiggybackedPositionsOptions {
  readonly database: Pick<Database, 'piggyback' | 'errors'>;
  /** Reads a position from a node's answer. `undefined` if the answer cannot be relied on. */
  readonly accept: (node: string, answer: ProbeResult) => Position | undefined;
  /**
   * The node is about to be asked. Returns a function that passes its answer on to others who want its position, or passes on
   * that there is none; `undefined` if nobody does.
   */
  readonly shareAnswer: (node: string) => ((answer: ProbeResult | undefined) => void) | undefined;
  readonly nowMs: () => number;
}

/**
 * Learns the primary's position together with a write's answer: from the answer itself, or by a question right behind the write, on
 * its own connection. At moderate rates, this leaves hardly any acknowledged write without a known position if the primary dies.
 */
export class PiggybackedPositions {
  readonly #options: PiggybackedPositionsOptions;
  readonly #rate = new RateLimit(RATE);
  #hasStarted = false;
  /** The server, or a pooler in front of it, refused the question. Or none was ever answered, and one of them lost its connection. */
  #isRefused = false;
  #wasAnswered = false;

  constructor(options: PiggybackedPositionsOptions) {
    this.#options = options;
  }

  /** Learns what it needs to know about the server. Until then it asks nothing. Never rejects. */
  async start(query: CatalogQuery): Promise<void> {
    const { piggyback } = this.#options.database;
    if (piggyback === undefined) return;
    try {
      await piggyback.start(query);
      this.#hasStarted = true;
    } catch {
      // Then the monitor asks instead.
    }
  }

  /** Whether to ask behind this statement, which must leave no transaction open. If so, the question counts against the rate. */
  mayAsk(connection: Connection, args: readonly unknown[]): boolean {
    const { database, nowMs } = this.#options;
    const { piggyback } = database;
    if (this.#isRefused || !this.#hasStarted || piggyback?.canAsk(connection, args) !== true) return false;
    return !piggyback.isExtraStatement || this.#rate.take(nowMs());
  }

  /**
   * Runs a statement for which {@link mayAsk} returned `true`. `told` is called before the caller learns of the statement's
   * answer, with `undefined` if the position cannot be relied on. It is not called if the server gave no position.
   */
  run(
    connection: Connection,
    { call, node }: { readonly call: SentCall; readonly node: string },
    told: (position: Position | undefined) => void,
  ): Promise<Answer> {
    const { piggyback } = this.#options.database as { piggyback: NonNullable<Database['piggyback']> };
    const share = piggyback.isExtraStatement ? this.#options.shareAnswer(node) : undefined;
    return piggyback.run(connection, call, (failure, read) => {
      if (read === undefined) {
        this.#failed(failure, piggyback.isHarmless(failure));
        share?.(undefined);
      } else told(this.#read(node, read, share));
    });
  }

  #failed(failure: unknown, isHarmless: boolean): void {
    const { errors } = this.#options.database;
    // If this never worked, something on the way may be unable to handle two statements at once. No second write should suffer.
    this.#isRefused ||= errors.isConnectionLoss(failure) ? !this.#wasAnswered : !isHarmless;
  }

  #read(
    node: string,
    read: () => ProbeResult,
    share: ((answer: ProbeResult | undefined) => void) | undefined,
  ): Position | undefined {
    this.#wasAnswered = true;
    let answer: ProbeResult | undefined;
    let position: Position | undefined;
    try {
      answer = read();
      position = this.#options.accept(node, answer);
    } catch {
      // Then nobody relies on it.
    }
    share?.(position === undefined ? undefined : answer);
    return position;
  }
}
