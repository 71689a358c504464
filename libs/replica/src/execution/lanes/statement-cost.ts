import { digestOf } from '../statements/text-digest.js';

/** A text that takes less time than this on the server shares its connection with others; milliseconds. */
const FAST_MS = 2;
/** One that was slow shares again when it takes less than this: what is near the limit does not come and go. */
const FAST_AGAIN_MS = 1;
/** So many texts are known at once; then the one that was learned first is forgotten. */
const MAX_TEXTS = 2_000;
/** Longer texts hold their values and will hardly come again. */
const MAX_CHARACTERS = 16_384;

/** How much a measurement counts that is above the average, and one that is below: a cold start is soon forgotten. */
const RISE = 0.2;
const FALL = 0.5;
/** How fast the shortest round trip is forgotten: networks change. */
const FLOOR_RISE = 0.001;
/** The same for the monitor's, of which there are few. */
const PROBED_RISE = 0.02;

/** What is known of one SQL text on one node. */
export class StatementCost {
  /** How often it was asked for. */
  uses = 0;
  /** A statement of this text was answered with a result, measured or not. */
  wasAnswered = false;
  #averageMs: number | undefined;
  #isFast = false;
  #wasSlow = false;
  readonly text: string;
  #digest: string | undefined;

  constructor(text: string) {
    this.text = text;
  }

  /** Known to be fast. A text that was never measured is not. */
  get isFast(): boolean {
    return this.#isFast;
  }

  /** Moving average of the time that it takes on the server, in milliseconds; `undefined` until it was measured. */
  get averageMs(): number | undefined {
    return this.#averageMs;
  }

  /** That is the average now. */
  takes(ms: number): void {
    this.#averageMs = ms;
    this.#isFast = ms < (this.#wasSlow ? FAST_AGAIN_MS : FAST_MS);
    this.#wasSlow = !this.#isFast;
  }

  /** Says which text it is, in 32 letters. */
  get digest(): string {
    return (this.#digest ??= digestOf(this.text));
  }
}

/** How long each SQL text takes on one node. The time on the network is the same for all, so it is left out. */
export class StatementCosts {
  readonly #costs = new Map<string, StatementCost>();
  readonly #probedMs: () => number | undefined;
  #shortestMs: number | undefined;
  #lastProbedMs: number | undefined;
  #shortestProbedMs = Infinity;

  /** @param probedMs how long a cheap question takes, there and back; `undefined`: not known */
  constructor(probedMs: () => number | undefined = () => undefined) {
    this.#probedMs = probedMs;
  }

  /**
   * How long the shortest answer took lately, there and back; 0 while none was measured. Where all statements are slow, what
   * they take must not be taken for the network's.
   */
  get roundTripMs(): number {
    this.#noteProbe();
    return Math.min(this.#shortestMs ?? 0, this.#shortestProbedMs);
  }

  #noteProbe(): void {
    const ms = this.#probedMs();
    if (ms === undefined || ms === this.#lastProbedMs) return;
    this.#lastProbedMs = ms;
    if (ms < this.#shortestProbedMs) this.#shortestProbedMs = ms;
    else this.#shortestProbedMs += PROBED_RISE * (ms - this.#shortestProbedMs);
  }

  /** What is known of a text, which is counted as used; `undefined` for one that is too long to be remembered. */
  of(text: string): StatementCost | undefined {
    let cost = this.#costs.get(text);
    if (cost === undefined) {
      if (text.length > MAX_CHARACTERS) return undefined;
      cost = new StatementCost(text);
      if (this.#costs.size >= MAX_TEXTS) this.#costs.delete(this.#costs.keys().next().value as string);
      this.#costs.set(text, cost);
    }
    cost.uses++;
    return cost;
  }

  /** A statement of this text was answered with a result; it is not counted as used. */
  answered(text: string): void {
    const cost = this.#costs.get(text) ?? this.of(text);
    if (cost !== undefined) cost.wasAnswered = true;
  }

  /** A statement of this text was answered with a result, and is not forgotten. */
  wasAnswered(text: string): boolean {
    return this.#costs.get(text)?.wasAnswered === true;
  }

  /** A statement that had its connection to itself took so long, there and back. */
  measuredAlone(cost: StatementCost, tookMs: number): void {
    if (this.#shortestMs === undefined || tookMs < this.#shortestMs) this.#shortestMs = tookMs;
    else this.#shortestMs += FLOOR_RISE * (tookMs - this.#shortestMs);
    this.measured(cost, Math.max(0, tookMs - this.roundTripMs));
  }

  /** So long the server took for a statement: from one answer to the next. */
  measured(cost: StatementCost, tookMs: number): void {
    const { averageMs } = cost;
    if (averageMs === undefined) cost.takes(tookMs);
    else cost.takes(averageMs + (tookMs > averageMs ? RISE : FALL) * (tookMs - averageMs));
  }

  /** One has been under way for so long, and is not answered. */
  tookAtLeast(cost: StatementCost, ms: number): void {
    if (cost.averageMs === undefined || cost.averageMs < ms) cost.takes(ms);
  }
}
