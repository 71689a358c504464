// An application whose driver is instrumented, too: run by traces.spec.ts in a process of its own, because the instrumentation has to
// be there before the driver is loaded.
import {
  AggregationTemporality,
  InMemoryMetricExporter,
  MeterProvider,
  PeriodicExportingMetricReader,
} from '@opentelemetry/sdk-metrics';
import { PgInstrumentation } from '@opentelemetry/instrumentation-pg';
import { setTimeout as delay } from 'node:timers/promises';
import { type SeenSpan, SpanRecorder } from './spans.js';

const recorder = new SpanRecorder();
new PgInstrumentation().enable();
const { ReplicaDataSource } = await import('nestjs-replica');
const { instrumentReplica } = await import('nestjs-replica/opentelemetry');

const [primary, ...replicas] = JSON.parse(process.env.TRACED_URLS ?? '[]') as string[];
const source = new ReplicaDataSource({
  type: 'postgres',
  primary: { url: primary as string },
  replicas: replicas.map((url, index) => ({ name: `replica-${index + 1}`, url })),
  monitor: { intervalMs: 20, probeTimeoutMs: 5_000 },
  maxLagMs: 25_000,
});
await source.initialize();
const { router } = source;

async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await delay(5);
}

async function query(
  text: string,
  values: unknown[] = [],
  mode: 'master' | 'slave' = 'slave',
): Promise<unknown> {
  const runner = source.createQueryRunner(mode);
  try {
    return await runner.query(text, values);
  } finally {
    await runner.release();
  }
}

const onReplica = <T>(fn: () => Promise<T>): Promise<T> => router.runOnReplica({}, fn);
const READ = 'SELECT id, name FROM product WHERE id = $1';
const read = (id: number): Promise<unknown> => onReplica(() => query(READ, [id]));

/** Enough reads for the text to count as fast and to be prepared; then many at once, each inside a span of its own. */
async function readOnLanes(): Promise<SeenSpan[]> {
  for (let index = 0; index < 30; index++) await read(1);
  recorder.take();
  await Promise.all(
    Array.from({ length: 30 }, (_, index) => recorder.within(`caller ${index}`, () => read(index))),
  );
  return recorder.take();
}

async function whileProbed(): Promise<SeenSpan[]> {
  recorder.take();
  const { version } = router.topology();
  await until(() => router.topology().version > version + 20);
  return recorder.take();
}

async function statements(): Promise<SeenSpan[]> {
  recorder.take();
  await recorder.within('caller', async () => {
    await query("INSERT INTO product (name) VALUES ('secret kettle')", [], 'master');
    await source.transaction((manager) => manager.query("UPDATE product SET name = 'x' WHERE id = 1"));
    await query("INSERT INTO product (id, name) VALUES (1, 'secret twin')", [], 'master').catch(
      () => undefined,
    );
    const runner = source.createQueryRunner('slave');
    const stream = await onReplica(() => runner.stream('SELECT name FROM product'));
    for await (const _ of stream);
    await runner.release();
    await source.query('SELECT count(*) FROM product JOIN price USING (id)').catch(() => undefined);
  });
  return recorder.take();
}

/** Reads where a replica is about to be killed. Returns the reads that had to be tried again. */
async function retried(): Promise<SeenSpan[]> {
  recorder.take();
  const where = { replica: ['replica-1', 'replica-2'] };
  const slow = (): Promise<unknown> =>
    router.runOnReplica(where, () => query('SELECT count(*) FROM generate_series(1, 300000)'));
  const isUp = (): boolean => router.topology().replicas[0]?.health === 'up';
  const loop = async (): Promise<void> => {
    while (isUp()) await recorder.within('caller', slow);
  };
  // While one of them is between two reads, the others are not.
  const loops = [loop(), loop(), loop()];
  process.send?.('kill a replica');
  await Promise.all(loops);
  return recorder.take().filter(({ attributes }) => Number(attributes['replica.attempts']) > 1);
}

/** The names of the metrics and of their attributes. */
async function collectMetrics(): Promise<Record<string, string[]>> {
  metricExporter.reset();
  await reader.forceFlush();
  const metrics = metricExporter
    .getMetrics()
    .flatMap(({ scopeMetrics }) => scopeMetrics.flatMap((scope) => scope.metrics));
  return Object.fromEntries(
    metrics
      .filter(({ dataPoints }) => dataPoints.length > 0)
      .map(({ descriptor, dataPoints }) => [
        `${descriptor.name} ${descriptor.unit}`,
        [...new Set(dataPoints.flatMap(({ attributes }) => Object.keys(attributes)))].toSorted((one, other) =>
          one.localeCompare(other),
        ),
      ]),
  );
}

const allUp = (): boolean =>
  router.topology().replicas.every(({ health, lagMs }) => health === 'up' && lagMs === 0);
await until(allUp);
const alone = await readOnLanes();
const metricExporter = new InMemoryMetricExporter(AggregationTemporality.CUMULATIVE);
const reader = new PeriodicExportingMetricReader({
  exporter: metricExporter,
  exportIntervalMillis: 3_600_000,
});
const meterProvider = new MeterProvider({ readers: [reader] });
const undo = instrumentReplica(router, { queryText: true, meterProvider });
const onLanes = await readOnLanes();
const probes = await whileProbed();
const various = await statements();
const metrics = await collectMetrics();
undo();
const afterwards = await recorder.within('caller', () => read(1)).then(() => recorder.take());
instrumentReplica(router);
await until(allUp);
const again = await retried();
await meterProvider.shutdown();
process.send?.({ alone, onLanes, probes, various, afterwards, again, metrics });
await source.destroy();
process.disconnect?.();
