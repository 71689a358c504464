import type { Home, Topology } from './topology.js';

type Homes = readonly Home[];

/**
 * The replicas of the configuration, and which they were before: sessions remember for a while what they read where
 * they were tied to then. Lists of the same names and weights are one.
 */
export class HomeHistory {
  readonly #keptMs: number;
  #homes: Homes;
  #former: readonly { readonly homes: Homes; readonly untilMs: number }[] = [];

  /** `keptMs`: how long former homes are told of, milliseconds. */
  constructor(homes: Homes, keptMs: number) {
    this.#homes = homes;
    this.#keptMs = keptMs;
  }

  /** From `nowMs` on sessions are tied to these. */
  change(homes: Homes, nowMs: number): void {
    if (areSame(homes, this.#homes)) return;
    const left = { homes: this.#homes, untilMs: nowMs + this.#keptMs };
    const others = this.#former.filter(
      (former) => !areSame(former.homes, left.homes) && !areSame(former.homes, homes),
    );
    this.#former = [...others, left];
    this.#homes = homes;
  }

  /** What a topology tells of homes at `nowMs`. */
  at(nowMs: number): Pick<Topology, 'homes' | 'formerHomes'> {
    if (this.#former.some(({ untilMs }) => untilMs <= nowMs))
      this.#former = this.#former.filter(({ untilMs }) => untilMs > nowMs);
    return { homes: this.#homes, formerHomes: this.#former.map(({ homes }) => homes) };
  }
}

function areSame(some: Homes, others: Homes): boolean {
  const weights = new Map(others.map(({ name, weight }) => [name, weight]));
  return some.length === others.length && some.every(({ name, weight }) => weights.get(name) === weight);
}
