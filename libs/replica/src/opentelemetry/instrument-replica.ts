import { type MeterProvider, metrics, trace, type TracerProvider } from '@opentelemetry/api';
import { engineOf, type ReplicaRouter } from '../engine/replica-router.js';
import { checkObject, flag, objectWith, type TableOf } from '../options/option.js';
import { OptionProblems } from '../options/option-problems.js';
import { DatabaseFacts } from './database-facts.js';
import { measure } from './measure.js';
import { StatementSpans } from './statement-spans.js';

/** Options of {@link instrumentReplica}. */
export interface ReplicaInstrumentationOptions {
  /** Whether spans have the SQL, with `?` in place of each literal and parameter. Default `false`. */
  readonly queryText?: boolean;
  /** Default: the global one. */
  readonly tracerProvider?: TracerProvider;
  /** Default: the global one. */
  readonly meterProvider?: MeterProvider;
}

const OPTIONS: TableOf<ReplicaInstrumentationOptions> = {
  queryText: flag({ default: false }),
  tracerProvider: objectWith<TracerProvider>(['getTracer'], 'be a TracerProvider of OpenTelemetry'),
  meterProvider: objectWith<MeterProvider>(['getMeter'], 'be a MeterProvider of OpenTelemetry'),
};

/** The instrumentation scope. */
const SCOPE = 'nestjs-replica';

/**
 * Makes one span for each statement of a router, whose parent is the span around its caller, and metrics by the semantic
 * conventions. Probes and the library's own questions make no spans, also if the driver is instrumented. Returns a function that
 * undoes it. If the router is instrumented already, the new call takes the place of the former.
 *
 * Throws an `InvalidReplicaOptionsError` if an option is wrong.
 */
export function instrumentReplica(
  router: ReplicaRouter,
  options: ReplicaInstrumentationOptions = {},
): () => void {
  const problems = new OptionProblems();
  checkObject(problems, '', options, OPTIONS);
  problems.throwIfAny('instrumentReplica(): ');
  const { queryText = false, tracerProvider = trace, meterProvider = metrics } = options;
  const { tracing } = engineOf(router);
  const meter = meterProvider.getMeter(SCOPE);
  const facts = new DatabaseFacts(router);
  const measured = measure(router, meter, facts);
  const spans = new StatementSpans(tracing, {
    tracer: tracerProvider.getTracer(SCOPE),
    facts,
    queryText,
    measured,
  });
  tracing.tracer?.end();
  tracing.tracer = spans;
  return () => {
    if (tracing.tracer === spans) tracing.tracer = undefined;
    spans.end();
  };
}
