/**
 * What users feel: requests through HTTP, to a real Nest application and from a load generator in processes of their own. Compared
 * with TypeORM's `replication` and with TypeORM on the primary, each also with a guard and an interceptor that do nothing.
 */
import { fork, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import {
  type MariadbCluster,
  type PostgresCluster,
  startMariadbCluster,
  startPostgresCluster,
} from 'nestjs-replica/testing';
import { HTTP_SYSTEMS, type HttpAppOptions, type HttpSystem } from './http-app.js';
import type { HttpLoad, HttpMeasured } from './http-load.js';
import { withCleanUp, type CleanUp } from './support/clean-up.js';
import { DATABASE, fillItems, fillItemsOnMariadb } from './support/items.js';
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

/** An application in a process of its own. */
class Application {
  readonly #child: ChildProcess;
  readonly #port: number;

  private constructor(child: ChildProcess, port: number) {
    this.#child = child;
    this.#port = port;
  }

  static async start(options: HttpAppOptions, cleanUp: CleanUp): Promise<Application> {
    const child = fork(join(import.meta.dirname, 'http-app.js'), {
      env: { ...process.env, HTTP_APP: JSON.stringify(options), NODE_ENV: 'production' },
      execArgv: ['--enable-source-maps'],
      stdio: ['ignore', 2, 2, 'ipc'],
    });
    cleanUp.add(() => child.kill('SIGKILL'));
    const [{ port }] = (await once(child, 'message')) as [{ port: number }];
    return new Application(child, port);
  }

  async measure(load: Load, cleanUp: CleanUp): Promise<HttpMeasured & { nodeCpuUsPerRequest: number }> {
    const generator = fork(join(import.meta.dirname, 'http-load.js'), { stdio: ['ignore', 2, 2, 'ipc'] });
    cleanUp.add(() => generator.kill('SIGKILL'));
    const exited = once(generator, 'exit') as Promise<[number | null]>;
    const failed = exited.then(([code]) =>
      Promise.reject(new Error(`the load generator ended with ${code}`)),
    );
    generator.send({ ...load, port: this.#port });
    await Promise.race([once(generator, 'message'), failed]);
    const before = await this.#processorTime();
    const [measured] = (await Promise.race([once(generator, 'message'), failed])) as [HttpMeasured];
    const cpuUs = (await this.#processorTime()) - before;
    await exited;
    return { ...measured, nodeCpuUsPerRequest: rounded(cpuUs / measured.requests, 1) };
  }

  async stop(): Promise<void> {
    const exited = once(this.#child, 'exit');
    this.#child.disconnect();
    await exited;
  }

  async #processorTime(): Promise<number> {
    this.#child.send('cpu');
    const [{ user, system }] = (await once(this.#child, 'message')) as [NodeJS.CpuUsage];
    return user + system;
  }
}

async function postgres(cleanUp: CleanUp): Promise<PostgresCluster> {
  const starting = startPostgresCluster({ replicas: 2 });
  cleanUp.add(async () => (await starting).stop());
  await fillItems(await starting);
  return starting;
}

async function mariadb(cleanUp: CleanUp): Promise<MariadbCluster> {
  const starting = startMariadbCluster({ replicas: 2 });
  cleanUp.add(async () => (await starting).stop());
  await fillItemsOnMariadb(await starting);
  return starting;
}

await withCleanUp(async (cleanUp) => {
  const cluster = await (DATABASE === 'mariadb' ? mariadb(cleanUp) : postgres(cleanUp));
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
          const one = await (applications.get(system) as Application).measure(load, cleanUp);
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
    { bench: 'http', database: DATABASE, results, ratios, targets },
    { requests: results, "ours to TypeORM's replication": ratios, targets },
  );
});
