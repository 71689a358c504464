/**
 * More requests than the application can answer: they arrive at once, twice, five and ten times the rate that TypeORM's `replication`
 * reaches on this machine, whether earlier ones have been answered or not. Overload should cost time, but neither throughput nor
 * answers.
 */
import type { HttpSystem } from './http-app.js';
import type { HttpMeasured } from './http-load.js';
import type { OverloadMeasured } from './overload-load.js';
import { withCleanUp, type CleanUp } from './support/clean-up.js';
import { Application, startServers } from './support/http-application.js';
import { TEST_DATABASE } from '../support/cluster/test-database.js';
import { isQuick, reportTables, rounded, target } from './support/report.js';
import { inTurns, medianOf } from './support/rounds.js';
import { addressOf, type ClusterAddress } from './support/servers.js';

const ROUNDS = isQuick ? 1 : 2;
const SYSTEMS: readonly HttpSystem[] = ['nestjs-replica', 'typeorm-replication', 'primary-only'];
const FACTORS = isQuick ? [1, 10] : [1, 2, 5, 10];
const HANDLERS = { read: 'GET', write: 'PATCH' } as const;
type Handler = keyof typeof HANDLERS;
/** How long requests arrive; milliseconds. */
const ARRIVING_MS = isQuick ? 1_000 : 2_000;
/** Warms an application with what it can answer. */
const WARM_UP_MS = 1_000;

interface OverloadResult extends OverloadMeasured {
  readonly handler: Handler;
  readonly factor: number;
  readonly system: HttpSystem;
  readonly peakMegabytes: number;
}

/** What TypeORM's `replication` answers with 64 requests under way; requests per second. */
async function capacityOf(handler: Handler, cluster: ClusterAddress, cleanUp: CleanUp): Promise<number> {
  const system = 'typeorm-replication';
  const application = await Application.start({ system, platform: 'express', cluster }, cleanUp);
  const load = { method: HANDLERS[handler], path: `/${handler}`, concurrency: 64 };
  const times = { warmUpMs: 2_000, measuredMs: 2_000 };
  const measured = await application.load<HttpMeasured>('http-load.js', { ...load, ...times }, cleanUp);
  await application.stop();
  return measured.requestsPerSecond;
}

await withCleanUp(async (cleanUp) => {
  const cluster = addressOf(await startServers(cleanUp));
  const results: OverloadResult[] = [];
  for (const handler of Object.keys(HANDLERS) as Handler[]) {
    const capacity = await capacityOf(handler, cluster, cleanUp);
    const measured: OverloadResult[] = [];
    await inTurns(SYSTEMS, ROUNDS, async (system) => {
      for (const factor of FACTORS) {
        // Each in a new process, for memory is not given back.
        const application = await Application.start({ system, platform: 'express', cluster }, cleanUp);
        const load = { method: HANDLERS[handler], path: `/${handler}`, perSecond: capacity * factor };
        const times = { warmUpPerSecond: capacity / 2, warmUpMs: WARM_UP_MS, arrivingMs: ARRIVING_MS };
        const one = await application.load<OverloadMeasured>(
          'overload-load.js',
          { ...load, ...times },
          cleanUp,
        );
        const { peakMegabytes } = await application.usage();
        await application.stop();
        measured.push({ handler, factor, system, ...one, peakMegabytes });
      }
    });
    for (const factor of FACTORS)
      for (const system of SYSTEMS)
        results.push(medianOf(measured.filter((it) => it.factor === factor && it.system === system)));
  }
  const find = (handler: Handler, factor: number, system: HttpSystem): OverloadResult =>
    results.find(
      (it) => it.handler === handler && it.factor === factor && it.system === system,
    ) as OverloadResult;
  const targets = (Object.keys(HANDLERS) as Handler[]).flatMap((handler) => {
    const [calm, ours] = [find(handler, 1, 'nestjs-replica'), find(handler, 10, 'nestjs-replica')];
    const theirs = find(handler, 10, 'typeorm-replication');
    const ratio = (key: 'requestsPerSecond' | 'p99Ms' | 'peakMegabytes', to: OverloadResult): number =>
      rounded(ours[key] / to[key], 2);
    return [
      target(`${handler}@10x: throughput to that at 1x`, ratio('requestsPerSecond', calm), { atLeast: 0.9 }),
      target(`${handler}@10x: throughput to TypeORM's`, ratio('requestsPerSecond', theirs), { atLeast: 1 }),
      target(`${handler}@10x: p99 to TypeORM's`, ratio('p99Ms', theirs), { atMost: 1 }),
      target(`${handler}@10x: memory to TypeORM's`, ratio('peakMegabytes', theirs), { atMost: 1.2 }),
      target(`${handler}@10x: errors beyond TypeORM's`, ours.errors - theirs.errors, { atMost: 0 }),
    ];
  });
  reportTables(
    { bench: 'overload', database: TEST_DATABASE, results, targets },
    { overload: results, targets },
  );
});
