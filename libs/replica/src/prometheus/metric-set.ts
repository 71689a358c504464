import { Counter, Gauge, type Registry } from 'prom-client';
import { InvalidReplicaOptionsError } from '../errors/invalid-options.error.js';
import { DurationHistogram } from './duration-histogram.js';
import type { MetricSource } from './metric-source.js';
import { METRICS, type Metric } from './metric-table.js';

/** The property of a registry that holds its sets by their prefix. Two copies of this library share it. */
const SETS = Symbol.for('nestjs-replica:metrics');

interface RegistryWithSets {
  [SETS]?: Map<string, MetricSet>;
}

type RegisteredMetric = Counter | Gauge | DurationHistogram;

/**
 * The metrics of one prefix in one registry. Each name can be registered once, so all routers share one set: those of several data
 * sources, and of several applications in one process. The set leaves the registry with its last router.
 */
export class MetricSet {
  readonly #registry: Registry;
  readonly #prefix: string;
  readonly #sources = new Set<MetricSource>();
  readonly #metrics = new Map<string, RegisteredMetric>();

  private constructor(registry: Registry, prefix: string) {
    this.#registry = registry;
    this.#prefix = prefix;
    const sources = this.#sources;
    for (const [name, metric] of Object.entries(METRICS))
      this.#metrics.set(prefix + name, createMetric(prefix + name, metric, sources));
    const durations = `${prefix}statement_duration_seconds`;
    this.#metrics.set(durations, new DurationHistogram(durations, sources));
  }

  /** The set of this prefix, created unless it exists. */
  static of(registry: Registry, prefix: string): MetricSet {
    const sets = ((registry as RegistryWithSets)[SETS] ??= new Map<string, MetricSet>());
    let set = sets.get(prefix);
    if (set === undefined) sets.set(prefix, (set = new MetricSet(registry, prefix)));
    return set;
  }

  /** Throws an `InvalidReplicaOptionsError`, and adds nothing, if the registry has other metrics of these names. */
  add(source: MetricSource): void {
    const taken = [...this.#metrics].find(([name, metric]) => {
      const other = this.#registry.getSingleMetric(name);
      return other !== undefined && other !== metric;
    });
    if (taken !== undefined)
      throw new InvalidReplicaOptionsError([
        `prefix: the registry already has another metric named ${taken[0]}; give another prefix or registry`,
      ]);
    // The application may have cleared the registry since the last router was added.
    for (const metric of this.#metrics.values()) this.#registry.registerMetric(metric);
    this.#sources.add(source);
  }

  remove(source: MetricSource): void {
    if (!this.#sources.delete(source) || this.#sources.size > 0) return;
    for (const [name, metric] of this.#metrics)
      if (this.#registry.getSingleMetric(name) === metric) this.#registry.removeSingleMetric(name);
    (this.#registry as RegistryWithSets)[SETS]?.delete(this.#prefix);
  }
}

function createMetric(name: string, metric: Metric, sources: Iterable<MetricSource>): Counter | Gauge {
  const labelNames = ['data_source', ...metric.labels];
  const config = { name, help: metric.help, labelNames, registers: [] };
  if (metric.type === 'counter') {
    const counter: Counter = new Counter({
      ...config,
      collect: () => {
        counter.reset();
        for (const [value, labels] of samplesOf(metric, sources)) counter.inc(labels, value);
      },
    });
    return counter;
  }
  const gauge: Gauge = new Gauge({
    ...config,
    collect: () => {
      gauge.reset();
      for (const [value, labels] of samplesOf(metric, sources)) gauge.set(labels, value);
    },
  });
  return gauge;
}

type LabelledSample = [value: number, labels: Record<string, string>];

/** The samples of all routers, one for each combination of labels. */
function samplesOf({ read, combination }: Metric, sources: Iterable<MetricSource>): Iterable<LabelledSample> {
  const combine = COMBINATIONS[combination ?? 'sum'];
  const samples = new Map<string, LabelledSample>();
  for (const source of sources)
    for (const [value, labels] of read(source.facts)) {
      const named = { data_source: source.name, ...labels };
      const key = JSON.stringify(named);
      const other = samples.get(key);
      samples.set(key, [other === undefined ? value : combine(other[0], value), named]);
    }
  return samples.values();
}

const COMBINATIONS = {
  sum: (a: number, b: number) => a + b,
  most: Math.max,
  least: Math.min,
} as const;
