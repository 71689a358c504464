import type { ReplicaRouter } from '../engine/replica-router.js';
import type { TopologyStatus } from '../observability/node-status.js';
import { DurationCounts } from './duration-counts.js';
import type { ScrapedFacts } from './metric-table.js';

/** What the metrics need of a router. */
export type MeasuredRouter = Pick<ReplicaRouter, 'stats' | 'topology' | 'on'>;

/** One router under the name of its data source. */
export class MetricSource {
  readonly name: string;
  readonly durations = new DurationCounts();
  readonly #router: MeasuredRouter;
  readonly #stops: readonly (() => void)[];
  #primary: string | undefined;
  #primaryChanges = 0;
  #facts: ScrapedFacts | undefined;

  constructor(name: string, router: MeasuredRouter) {
    this.name = name;
    this.#router = router;
    this.#stops = [
      router.on('statement', ({ node, kind, durationMs, isFinal }) => {
        if (!isFinal || node === null) return;
        this.#primary ??= this.#topology()?.primary.name;
        this.durations.add(node, node === this.#primary ? 'primary' : 'replica', kind, durationMs);
      }),
      router.on('topology:changed', ({ topology, removed }) => {
        this.#primary = topology.primary.name;
        if (removed.length > 0) this.#forgetOthersThan(topology);
      }),
      router.on('primary:changed', ({ primary }) => {
        this.#primary = primary.name;
        this.#primaryChanges++;
      }),
    ];
  }

  /** Stops listening to the router. */
  end(): void {
    for (const stop of this.#stops) stop();
  }

  /** The facts of this moment. All metrics of one scrape read the same ones. */
  get facts(): ScrapedFacts {
    if (this.#facts === undefined) {
      this.#facts = {
        stats: this.#router.stats(),
        topology: this.#topology(),
        primaryChanges: this.#primaryChanges,
      };
      // A registry asks all metrics in one go.
      queueMicrotask(() => (this.#facts = undefined));
    }
    return this.#facts;
  }

  #topology(): TopologyStatus | undefined {
    try {
      return this.#router.topology();
    } catch {
      return undefined; // The data source is not initialized.
    }
  }

  #forgetOthersThan({ primary, replicas }: TopologyStatus): void {
    const names = new Set([primary, ...replicas].map(({ name }) => name));
    this.durations.keepOnly((node) => names.has(node));
  }
}
