import type { Answer, ErrorKinds, LaneCall } from '../database.js';
import type { BetterElsewhere } from '../pools/take-connection.js';
import type { StatementCost } from './statement-cost.js';

/** Options of one read. */
export interface LaneReadOptions {
  /** Called when the read was answered or has failed, before its promise settles. */
  readonly onEnd: () => void;
  /** Tells, while the read waits for a lane, whether another node could take it at once. */
  readonly isBetterElsewhere: BetterElsewhere | undefined;
}

/**
 * One read until it is answered. If its lane hangs, it may be hedged: then it is under way on two connections, and the first
 * answer counts.
 */
export class LaneRead {
  readonly call: LaneCall;
  readonly cost: StatementCost;
  readonly result: Promise<Answer>;
  readonly #options: LaneReadOptions;
  readonly #errors: ErrorKinds;
  isSettled = false;
  /** `false` once it has failed because it was prepared. Then it is sent again unprepared. */
  mayBePrepared = true;
  /** Whether it was sent on a second connection. */
  isHedged = false;
  #inFlight = 0;
  /** The first loss without a word among the connections that it was sent on. */
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
   * An error from the server is final. A lost connection is not as long as the read is under way on another one. If several
   * connections were lost, the caller gets the loss that may be the read's own fault.
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
