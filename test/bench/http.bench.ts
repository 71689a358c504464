/**
 * What users feel: requests through HTTP, to a real Nest application and from a load generator in processes of their own. Compared
 * with TypeORM's `replication` and with TypeORM on the primary, each also with a guard and an interceptor that do nothing.
 */
import { HTTP_SYSTEMS, type HttpSystem } from './http-app.js';
import type { HttpLoad, HttpMeasured } from './http-load.js';
import { withCleanUp } from './support/clean-up.js';
import { Application, startServers } from './support/http-application.js';
import { TEST_DATABASE } from '../support/cluster/test-database.js';
import { isQuick, reportTables, rounded, target } from './support/report.js';
import { inTurns, medianOf } from './support/rounds.js';
import { addressOf } from './support/servers.js';

const ROUNDS = isQuick ? 3 : 7;
const PLATFORMS = isQuick ? (['express'] as const) : (['express', 'fastify'] as const);
const SYSTEMS: readonly HttpSystem[] = isQuick
  ? ['nestjs-replica', 'typeorm-replication', 'primary-only-no-op']
  : HTTP_SYSTEMS;
const CONCURRENCIES = isQuick ? [64] : [1, 16, 64, 256];
const TIMES = isQuick ? { warmUpMs: 1_000, measuredMs: 1_500 } : { warmUpMs: 1_500, measuredMs: 3_000 };

/** What a request does; the limits are those of 64 at once, ours to TypeORM's `replication`. */
const HANDLERS = {
  nothing: { method: 'GET', requests: 0.85, cpu: 1.25 },
  read: { method: 'GET', requests: 1.3, cpu: 0.9 },
  'three-reads': { method: 'GET', requests: 1.5, cpu: undefined },
  write: { method: 'PATCH', requests: 1, cpu: 1.15 },
  'read-and-write': { method: 'PATCH', requests: undefined, cpu: undefined },
} as const;
type Handler = keyof typeof HANDLERS;

interface HttpResult extends HttpMeasured {
  readonly platform: string;
  readonly handler: Handler;
  readonly concurrency: number;
  readonly system: HttpSystem;
  /** Of the application's process. */
  readonly nodeCpuUsPerRequest: number;
}

type Load = Omit<HttpLoad, 'port'>;

await withCleanUp(async (cleanUp) => {
  const cluster = await startServers(cleanUp);
  const results: HttpResult[] = [];
  for (const platform of PLATFORMS) {
    const measured: HttpResult[] = [];
    const applications = new Map<HttpSystem, Application>();
    for (const system of SYSTEMS)
      applications.set(
        system,
        await Application.start({ system, platform, cluster: addressOf(cluster) }, cleanUp),
      );
    await inTurns(SYSTEMS, ROUNDS, async (system) => {
      for (const [handler, { method }] of Object.entries(HANDLERS) as [
        Handler,
        { method: 'GET' | 'PATCH' },
      ][])
        for (const concurrency of CONCURRENCIES) {
          const load: Load = { method, path: `/${handler}`, concurrency, ...TIMES };
          const application = applications.get(system) as Application;
          const one = await application.load<HttpMeasured>('http-load.js', load, cleanUp);
          measured.push({ platform, handler, concurrency, system, ...one });
        }
    });
    for (const application of applications.values()) await application.stop();
    for (const handler of Object.keys(HANDLERS) as Handler[])
      for (const concurrency of CONCURRENCIES)
        for (const system of SYSTEMS)
          results.push(
            medianOf(
              measured.filter(
                (it) => it.handler === handler && it.concurrency === concurrency && it.system === system,
              ),
            ),
          );
  }

  /** Ours to TypeORM's `replication`. */
  const ratios = results.flatMap(({ system, ...ours }) => {
    const theirs = results.find(
      (it) =>
        it.system === 'typeorm-replication' &&
        (['platform', 'handler', 'concurrency'] as const).every((key) => it[key] === ours[key]),
    );
    if (!system.startsWith('nestjs-replica') || theirs === undefined) return [];
    return [
      {
        platform: ours.platform,
        handler: ours.handler,
        concurrency: ours.concurrency,
        system,
        requestsPerSecond: rounded(ours.requestsPerSecond / theirs.requestsPerSecond, 3),
        nodeCpu: rounded(ours.nodeCpuUsPerRequest / theirs.nodeCpuUsPerRequest, 3),
        p99: rounded(ours.p99Us / theirs.p99Us, 3),
      },
    ];
  });
  const targets = ratios
    .filter(({ system, concurrency }) => system === 'nestjs-replica' && concurrency === 64)
    .flatMap(({ platform, handler, requestsPerSecond, nodeCpu }) => {
      const { requests, cpu } = HANDLERS[handler];
      const what = `${handler}@64, ${platform}`;
      return [
        ...(requests === undefined
          ? []
          : [target(`${what}: requests/s`, requestsPerSecond, { atLeast: requests })]),
        ...(cpu === undefined ? [] : [target(`${what}: Node's processor time`, nodeCpu, { atMost: cpu })]),
      ];
    });
  reportTables(
    { bench: 'http', database: TEST_DATABASE, results, ratios, targets },
    { requests: results, "ours to TypeORM's replication": ratios, targets },
  );
});
