import { performance } from 'node:perf_hooks';

export interface LoopTurn {
  /** When it ended, in milliseconds. Answers to what was sent in this turn cannot be noticed earlier. */
  endMs: number | undefined;
}

/** Measures how long answers took. */
export interface AnswerClock {
  /** Something is sent now. Returns the current turn. */
  sent(): LoopTurn;
  /** The earliest time, in milliseconds, at which what is noticed now can have been there. */
  readonly eventsMs: number;
}

/** For when it does not matter why an answer is noticed late. A {@link LoopClock} costs something in each turn of the loop. */
export function plainClock(nowMs: () => number): AnswerClock {
  return {
    sent: () => ({ endMs: nowMs() }),
    get eventsMs(): number {
      return nowMs();
    },
  };
}

/** What a {@link LoopClock} needs. Only tests change the defaults. */
export interface LoopClockOptions {
  readonly nowMs: () => number;
  /** How long this process has waited for events in all, in milliseconds. */
  readonly idleMs?: () => number;
  /** Calls back when all events so far have been handled, before the process asks for new ones. */
  readonly atEndOfTurn?: (fn: () => void) => unknown;
}

/**
 * Measures how long answers took, however busy this process is. An answer that arrives while other code runs is noticed late.
 * Under load all answers do, so by the clock alone even the fastest statement would seem slow. This clock excludes event-loop
 * delay: it counts the time for which the answer was surely not there yet, because the process asked for it or waited for it.
 */
export class LoopClock implements AnswerClock {
  readonly #nowMs: () => number;
  readonly #idleMs: () => number;
  readonly #atEndOfTurn: (fn: () => void) => unknown;
  #turn: LoopTurn = { endMs: undefined };
  #isEndAwaited = false;
  /** When the previous turn ended, and how long the process had waited by then. */
  #before: { readonly endMs: number; readonly idleMs: number } | undefined;
  /** The earliest time at which the events of this turn can have been there. */
  #eventsMs: number | undefined;

  constructor({ nowMs, idleMs = idleOfProcess, atEndOfTurn = setImmediate }: LoopClockOptions) {
    this.#nowMs = nowMs;
    this.#idleMs = idleMs;
    this.#atEndOfTurn = atEndOfTurn;
  }

  sent(): LoopTurn {
    this.#awaitEnd();
    return this.#turn;
  }

  get eventsMs(): number {
    if (this.#eventsMs === undefined) {
      const before = this.#before;
      this.#eventsMs = before === undefined ? this.#nowMs() : before.endMs + (this.#idleMs() - before.idleMs);
      this.#awaitEnd();
    }
    return this.#eventsMs;
  }

  #awaitEnd(): void {
    if (this.#isEndAwaited) return;
    this.#isEndAwaited = true;
    this.#atEndOfTurn(this.#end);
  }

  readonly #end = (): void => {
    this.#isEndAwaited = false;
    const endMs = this.#nowMs();
    this.#turn.endMs = endMs;
    this.#turn = { endMs: undefined };
    this.#before = { endMs, idleMs: this.#idleMs() };
    this.#eventsMs = undefined;
  };
}

function idleOfProcess(): number {
  return performance.eventLoopUtilization().idle;
}
