import { performance } from 'node:perf_hooks';

/** One turn of the event loop. */
export interface LoopTurn {
  /** When it ended, by which time answers to what was sent in it could be noticed at the earliest; milliseconds. */
  endMs: number | undefined;
}

/** Tells how long answers took. */
export interface AnswerClock {
  /** Something is sent now. */
  sent(): LoopTurn;
  /** When what is noticed now was there at the earliest; milliseconds. */
  readonly eventsMs: number;
}

/** For where it does not matter why an answer is noticed late. The other one costs each turn of the event loop something. */
export class PlainClock implements AnswerClock {
  readonly #nowMs: () => number;

  constructor(nowMs: () => number) {
    this.#nowMs = nowMs;
  }

  sent(): LoopTurn {
    return { endMs: this.#nowMs() };
  }

  get eventsMs(): number {
    return this.#nowMs();
  }
}

/** What a {@link LoopClock} works with; other than by default in tests. */
export interface LoopClockOptions {
  readonly nowMs: () => number;
  /** How long this process has waited for anything to happen, in all; milliseconds. */
  readonly idleMs?: () => number;
  /** Calls back when all that has happened by now is worked off, before new events are asked for. */
  readonly atEndOfTurn?: (fn: () => void) => unknown;
}

/**
 * Tells how long answers took, however busy this process is. One that comes while something else runs is noticed late, and
 * so are all of them under load: by the clock alone the fastest of statements would seem slow. What is told instead is the
 * time for which the answer was surely not there, as this process asked for it or waited for it.
 */
export class LoopClock implements AnswerClock {
  readonly #nowMs: () => number;
  readonly #idleMs: () => number;
  readonly #atEndOfTurn: (fn: () => void) => unknown;
  #turn: LoopTurn = { endMs: undefined };
  #isEndAwaited = false;
  /** When the turn before ended, and how long the process had waited by then. */
  #before: { readonly endMs: number; readonly idleMs: number } | undefined;
  /** When the events of this turn were there at the earliest. */
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
