import type { Answer, ErrorKinds, LaneCall } from '../database.js';
import type { BetterElsewhere } from '../pools/take-connection.js';
import type { StatementCost } from './statement-cost.js';

/** What whoever asks for a read gives with it. */
export interface LaneReadOptions {
  /** It was answered or has failed; called before its promise tells. */
  readonly onEnd: () => void;
  /** While it waits for a lane: whether it need not. */
  readonly isBetterElsewhere: BetterElsewhere | undefined;
}

/** One read, until it is answered. It may be under way on two lanes, when the first one hangs: the first answer counts. */
export class LaneRead {
  readonly call: LaneCall;
  readonly cost: StatementCost;
  readonly result: Promise<Answer>;
  readonly #options: LaneReadOptions;
  readonly #errors: ErrorKinds;
  isSettled = false;
  /** `false` once it has failed for being prepared: it is sent again without. */
  mayBePrepared = true;
  /** It was sent on another lane as well. */
  isHedged = false;
  #inFlight = 0;
  /** A connection that it was sent on was lost without a word. */
  #silentLoss: unknown;
  #resolve!: (result: Answer) => void;
  #reject!: (error: unknown) => void;

  constructor(
    { call, cost }: { readonly call: LaneCall; readonly cost: StatementCost },
    options: LaneReadOptions,
    errors: ErrorKinds,
  ) {
    this.call = call;
    this.cost = cost;
    this.#errors = errors;
    this.#options = options;
    this.result = new Promise((resolve, reject) => {
      this.#resolve = resolve;
      this.#reject = reject;
    });
  }

  get isBetterElsewhere(): BetterElsewhere | undefined {
    return this.#options.isBetterElsewhere;
  }

  sent(): void {
    this.#inFlight++;
  }

  /** What was sent came to nothing, and is about to be sent again. */
  returned(): void {
    this.#inFlight--;
  }

  answered(result: Answer): void {
    this.cost.wasAnswered = true;
    this.#end();
    this.#resolve(result);
  }

  /**
   * The server's word is final. A lost connection is not, while the read is also under way on another one. Of several
   * losses that one is told which may be the read's own fault.
   */
  failed(error: unknown, isLoss: boolean): void {
    this.#inFlight--;
    if (isLoss && this.#errors.isSilentLoss(error)) this.#silentLoss ??= error;
    if (isLoss && this.#inFlight > 0) return;
    this.#end();
    this.#reject(isLoss ? (this.#silentLoss ?? error) : error);
  }

  #end(): void {
    if (this.isSettled) return;
    this.isSettled = true;
    this.#options.onEnd();
  }
}
