import { digestOf } from '../statements/text-digest.js';

/** A text that takes less than this on the server shares its connection; milliseconds. */
const FAST_MS = 2;
/** A slow text shares again once it takes less than this, so that a text near the limit does not come and go; milliseconds. */
const FAST_AGAIN_MS = 1;
/** How many texts are known at once. Beyond that, the one learned first is forgotten. */
const MAX_TEXTS = 2_000;
/** Longer texts contain their values and are unlikely to come again. */
const MAX_CHARACTERS = 16_384;

/** The weights of measurements above and below the average. A cold start is soon forgotten. */
const RISE = 0.2;
const FALL = 0.5;
/** How fast the shortest round trip is forgotten, since networks change. */
const FLOOR_RISE = 0.001;
/** The same for the monitor's round trips, of which there are few. */
const PROBED_RISE = 0.02;

/** What is known of one SQL text on one node. */
export class StatementCost {
  uses = 0;
  /** Whether a statement of this text was answered with a result, measured or not. */
  wasAnswered = false;
  #averageMs: number | undefined;
  #isFast = false;
  #wasSlow = false;
  readonly text: string;
  #digest: string | undefined;

  constructor(text: string) {
    this.text = text;
  }

  /** Whether the text is known to be fast. A text that was never measured is not. */
  get isFast(): boolean {
    return this.#isFast;
  }

  /** The moving average of its time on the server, in milliseconds. `undefined` until it was measured. */
  get averageMs(): number | undefined {
    return this.#averageMs;
  }

  /** Sets the average, and with it whether the text is fast. */
  takes(ms: number): void {
    this.#averageMs = ms;
    this.#isFast = ms < (this.#wasSlow ? FAST_AGAIN_MS : FAST_MS);
    this.#wasSlow = !this.#isFast;
  }

  get digest(): string {
    return (this.#digest ??= digestOf(this.text));
  }
}

/** How long each SQL text takes on one node. Network time is left out, since it is the same for all texts. */
export class StatementCosts {
  readonly #costs = new Map<string, StatementCost>();
  readonly #probedMs: () => number | undefined;
  #shortestMs: number | undefined;
  #lastProbedMs: number | undefined;
  #shortestProbedMs = Infinity;

  /** @param probedMs how long a cheap question takes, there and back; `undefined` if unknown */
  constructor(probedMs: () => number | undefined = () => undefined) {
    this.#probedMs = probedMs;
  }

  /**
   * How long the shortest recent answer took, there and back; 0 while none was measured. The monitor's probes cap it, so that the
   * time of slow statements is never mistaken for network time.
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

  /** What is known of a text. Counts one use. `undefined` if the text is too long to be remembered. */
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

  /** A statement of this text was answered with a result. Does not count as a use. */
  answered(text: string): void {
    const cost = this.#costs.get(text) ?? this.of(text);
    if (cost !== undefined) cost.wasAnswered = true;
  }

  wasAnswered(text: string): boolean {
    return this.#costs.get(text)?.wasAnswered === true;
  }

  /** A statement with a connection to itself took this long, there and back. */
  measuredAlone(cost: StatementCost, tookMs: number): void {
    if (this.#shortestMs === undefined || tookMs < this.#shortestMs) this.#shortestMs = tookMs;
    else this.#shortestMs += FLOOR_RISE * (tookMs - this.#shortestMs);
    this.measured(cost, Math.max(0, tookMs - this.roundTripMs));
  }

  /** The server took this long for a statement, from one answer to the next. */
  measured(cost: StatementCost, tookMs: number): void {
    const { averageMs } = cost;
    if (averageMs === undefined) cost.takes(tookMs);
    else cost.takes(averageMs + (tookMs > averageMs ? RISE : FALL) * (tookMs - averageMs));
  }

  /** A statement has been under way for this long and is not answered yet. */
  tookAtLeast(cost: StatementCost, ms: number): void {
    if (cost.averageMs === undefined || cost.averageMs < ms) cost.takes(ms);
  }
}
