import { Histogram, type MetricValueWithName } from 'prom-client';
import { BUCKETS_S } from './duration-counts.js';
import type { MetricSource } from './metric-source.js';

const HELP = 'How long statements took on the node that answered them, from the decision to the answer.';

/** A label set with the sum of what all routers counted under it. */
interface Row {
  readonly labels: Record<string, string | number>;
  readonly counts: number[];
  sumSeconds: number;
}

/** A histogram that reads the counts of its routers with each scrape, so that nothing has to be observed. */
export class DurationHistogram extends Histogram {
  readonly #name: string;
  readonly #sources: Iterable<MetricSource>;

  constructor(name: string, sources: Iterable<MetricSource>) {
    super({
      name,
      help: HELP,
      labelNames: ['data_source', 'node', 'role', 'kind'],
      buckets: [...BUCKETS_S],
      registers: [],
    });
    this.#name = name;
    this.#sources = sources;
  }

  /** Registries and `get()` ask for this. The declarations of prom-client leave it out. */
  getForPromString(): Promise<object> {
    const values = this.#rows().flatMap((row) => valuesOf(this.#name, row));
    return Promise.resolve({ name: this.#name, help: HELP, type: 'histogram', aggregator: 'sum', values });
  }

  #rows(): readonly Row[] {
    const rows = new Map<string, Row>();
    for (const { name, durations } of this.#sources)
      for (const { node, role, kind, counts, sumSeconds } of durations) {
        const labels = { data_source: name, node, role, kind };
        const key = JSON.stringify(labels);
        const row = rows.get(key) ?? { labels, counts: counts.map(() => 0), sumSeconds: 0 };
        rows.set(key, row);
        counts.forEach((count, bucket) => (row.counts[bucket]! += count));
        row.sumSeconds += sumSeconds;
      }
    return [...rows.values()];
  }
}

/** A value as prom-client's own histogram gives it. */
interface HistogramValue extends MetricValueWithName<string> {
  readonly sharedLabels: object;
}

function valuesOf(name: string, { labels, counts, sumSeconds }: Row): HistogramValue[] {
  let total = 0;
  const buckets = counts.map((count, bucket) => {
    total += count;
    return {
      metricName: `${name}_bucket`,
      labels: { ...labels, le: BUCKETS_S[bucket] ?? '+Inf' },
      sharedLabels: {},
      value: total,
    };
  });
  return [
    ...buckets,
    { metricName: `${name}_sum`, labels, sharedLabels: {}, value: sumSeconds },
    { metricName: `${name}_count`, labels, sharedLabels: {}, value: total },
  ];
}
