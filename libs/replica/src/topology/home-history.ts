import type { Home, Topology } from './topology.js';

type Homes = readonly Home[];

/**
 * The homes of sessions, that is the configured replicas, and the homes before the last changes. For a while sessions remember
 * what they read at a former home. Lists with the same names and weights count as one.
 */
export class HomeHistory {
  readonly #keptMs: number;
  #homes: Homes;
  #former: readonly { readonly homes: Homes; readonly untilMs: number }[] = [];

  /** @param keptMs how long to tell of former homes; milliseconds */
  constructor(homes: Homes, keptMs: number) {
    this.#homes = homes;
    this.#keptMs = keptMs;
  }

  /** From `nowMs` on, sessions are tied to these homes. */
  change(homes: Homes, nowMs: number): void {
    if (areSame(homes, this.#homes)) return;
    const left = { homes: this.#homes, untilMs: nowMs + this.#keptMs };
    const others = this.#former.filter(
      (former) => !areSame(former.homes, left.homes) && !areSame(former.homes, homes),
    );
    this.#former = [...others, left];
    this.#homes = homes;
  }

  /** What a topology tells about homes at `nowMs`. */
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
