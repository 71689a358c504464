import { register, type Registry } from 'prom-client';
import { checked, checkObject, objectWith, text, type TableOf } from '../options/option.js';
import { OptionProblems } from '../options/option-problems.js';
import { MetricSet } from './metric-set.js';
import { MetricSource, type MeasuredRouter } from './metric-source.js';

export type { MeasuredRouter };

/** How the metrics of a router are registered. */
export interface ReplicaMetricsOptions {
  /** Default: prom-client's own. */
  readonly registry?: Registry;
  /** Precedes the name of each metric. Default `nestjs_replica_`. */
  readonly prefix?: string;
  /** The label `data_source` of each series. Default `default`. */
  readonly dataSource?: string;
}

/** What the table says of the options that the module shares. */
export const REGISTRATION = {
  registry: objectWith<Registry>(['registerMetric', 'getSingleMetric'], 'be a Registry of prom-client'),
  prefix: checked<string>('text', (problems, path, value) => {
    if (value !== undefined && !(typeof value === 'string' && /^[a-z_:][\w:]*$/i.test(value)))
      problems.add(path, 'must begin with a letter and have only letters, digits, _ and :');
  }),
};

const OPTIONS: TableOf<ReplicaMetricsOptions> = { ...REGISTRATION, dataSource: text({}) };

/**
 * Reports a router to Prometheus: with each scrape its facts are read, and in between only durations are counted. Returns a
 * function that ends this. Throws an `InvalidReplicaOptionsError` if an option is wrong, or if the registry has other metrics of
 * these names.
 */
export function registerReplicaMetrics(
  router: MeasuredRouter,
  options: ReplicaMetricsOptions = {},
): () => void {
  const problems = new OptionProblems();
  checkObject(problems, '', options, OPTIONS);
  problems.throwIfAny('registerReplicaMetrics(): ');
  const { registry = register, prefix = 'nestjs_replica_', dataSource = 'default' } = options;
  const set = MetricSet.of(registry, prefix);
  const source = new MetricSource(dataSource, router);
  try {
    set.add(source);
  } catch (error) {
    source.end();
    throw error;
  }
  return () => {
    set.remove(source);
    source.end();
  };
}
