import { callersContext } from '../../context/callers-context.js';
import type { Answer, LaneCall } from '../database.js';
import type { BetterElsewhere } from '../pools/wait-queue.js';
import type { StatementTrace } from '../statement-trace.js';
import type { LaneTools } from './lane-tools.js';
import type { StatementCost } from './statement-cost.js';

/** A read to run on a lane. */
export interface ReadRequest {
  readonly call: LaneCall;
  readonly cost: StatementCost;
  /** Tells, while the read waits for a lane, whether another node could take it at once. */
  readonly isBetterElsewhere: BetterElsewhere | undefined;
  /** `undefined`: nobody traces it. */
  readonly trace?: StatementTrace | undefined;
}

/** One read until it is answered. It may be hedged: under way on two connections, and the first answer counts. */
export class LaneRead {
  readonly call: LaneCall;
  readonly cost: StatementCost;
  readonly result: Promise<Answer>;
  readonly isBetterElsewhere: BetterElsewhere | undefined;
  readonly trace: StatementTrace | undefined;
  readonly #tools: Pick<LaneTools, 'database' | 'connections'>;
  isSettled = false;
  /** `false` once it has failed because it was prepared. Then it is sent again unprepared. */
  mayBePrepared = true;
  isHedged = false;
  /** Calls a function in the async context of the caller. `undefined` unless the read had to wait. */
  #inCallersContext: ReturnType<typeof callersContext> | undefined;
  #inFlight = 0;
  /** The first loss without a word among the connections that it was sent on. */
  #silentLoss: unknown;
  #resolve!: (result: Answer) => void;
  #reject!: (error: unknown) => void;

  constructor(request: ReadRequest, tools: Pick<LaneTools, 'database' | 'connections'>) {
    this.call = request.call;
    this.cost = request.cost;
    this.isBetterElsewhere = request.isBetterElsewhere;
    this.trace = request.trace;
    this.#tools = tools;
    this.result = new Promise((resolve, reject) => {
      this.#resolve = resolve;
      this.#reject = reject;
    });
  }

  sent(): void {
    this.#inFlight++;
  }

  /** No lane takes it yet. Call this in its caller's async context. */
  waits(): void {
    this.#inCallersContext ??= callersContext();
  }

  /** Sends a read that has waited, as if its caller did. */
  sendLater(send: (read: LaneRead) => void): void {
    if (this.#inCallersContext === undefined) send(this);
    else this.#inCallersContext(send, undefined, this);
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
    if (isLoss && this.#tools.database.errors.isSilentLoss(error)) this.#silentLoss ??= error;
    if (isLoss && this.#inFlight > 0) return;
    this.#end();
    this.#reject(isLoss ? (this.#silentLoss ?? error) : error);
  }

  #end(): void {
    if (this.isSettled) return;
    this.isSettled = true;
    this.#tools.connections.letGo();
  }
}
