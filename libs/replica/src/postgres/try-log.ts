import type { StatementEvent } from '../routing/statement-event.js';

/**
 * The tries of one statement, for whoever listens: a failed one is told when it is known whether another one follows, so that
 * the final failures are those that callers see.
 */
export class TryLog {
  readonly #tell: (event: StatementEvent) => void;
  #failures = 0;
  #last: StatementEvent | undefined;

  constructor(tell: (event: StatementEvent) => void) {
    this.#tell = tell;
  }

  get failures(): number {
    return this.#failures;
  }

  /** A try failed. `undefined`: nobody listens. */
  failed(event: StatementEvent | undefined): void {
    this.goesOn();
    this.#failures += 1;
    this.#last = event;
  }

  /** Another try begins. */
  goesOn(): void {
    this.#tellLast(false);
  }

  /** There is no other: the statement has failed. */
  ended(): void {
    this.#tellLast(true);
  }

  #tellLast(isFinal: boolean): void {
    const last = this.#last;
    this.#last = undefined;
    if (last !== undefined) this.#tell({ ...last, isFinal });
  }
}
