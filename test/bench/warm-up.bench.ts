/**
 * How soon an application is fast: from the start of its process to the thousandth read, and to nine tenths of the rate that it keeps. Compared
 * with TypeORM's `replication`.
 */
import type { HttpSystem } from './http-app.js';
import { withCleanUp } from './support/clean-up.js';
import { Application, startServers } from './support/http-application.js';
import { isQuick, reportTables, rounded, target } from './support/report.js';
import { inTurns, medianOf } from './support/rounds.js';
import { addressOf } from './support/servers.js';
import type { WarmUpMeasured } from './warm-up-load.js';

const ROUNDS = isQuick ? 3 : 9;
const SYSTEMS: readonly HttpSystem[] = ['nestjs-replica', 'typeorm-replication'];
const LOAD = {
  method: 'GET',
  path: '/read',
  concurrency: 16,
  forMs: isQuick ? 6_000 : 10_000,
  windowMs: 100,
};
/** A rate is that of this many windows together. */
const WINDOWS = 5;
const STEADY_SHARE = 0.9;

interface WarmUpResult {
  readonly system: HttpSystem;
  /** Until it listens; milliseconds, as the other times. */
  readonly bootMs: number;
  /** The time of the thousandth answer, from the start of the process. */
  readonly thousandReadsMs: number;
  /** When it first reaches nine tenths of the rate that it keeps, from the start of the process. */
  readonly steadyMs: number;
  /** What it keeps: the median of the second half. */
  readonly requestsPerSecond: number;
}

function rateOf(answered: readonly number[], from: number): number {
  const windows = answered.slice(from, from + WINDOWS);
  return (windows.reduce((sum, count) => sum + count, 0) * 1_000) / (windows.length * LOAD.windowMs);
}

function judge(
  system: HttpSystem,
  bootMs: number,
  { answered, firstThousandMs }: WarmUpMeasured,
): WarmUpResult {
  const rates = answered.slice(0, answered.length - WINDOWS + 1).map((_, from) => rateOf(answered, from));
  const kept = rates.slice(rates.length / 2).toSorted((a, b) => a - b);
  const steady = kept[Math.floor(kept.length / 2)] as number;
  const reached = rates.findIndex((rate) => rate >= STEADY_SHARE * steady);
  return {
    system,
    bootMs: Math.round(bootMs),
    thousandReadsMs: Math.round(bootMs + firstThousandMs),
    steadyMs: Math.round(bootMs + (reached + WINDOWS) * LOAD.windowMs),
    requestsPerSecond: Math.round(steady),
  };
}

await withCleanUp(async (cleanUp) => {
  const cluster = await startServers(cleanUp);
  const measured: WarmUpResult[] = [];
  await inTurns(SYSTEMS, ROUNDS, async (system) => {
    const startedMs = performance.now();
    const options = { system, platform: 'express', cluster: addressOf(cluster) } as const;
    const application = await Application.start(options, cleanUp);
    const bootMs = performance.now() - startedMs;
    const one = await application.load<WarmUpMeasured>('warm-up-load.js', LOAD, cleanUp);
    measured.push(judge(system, bootMs, one));
    await application.stop();
  });
  const results = SYSTEMS.map((system) => medianOf(measured.filter((it) => it.system === system)));
  const [ours, theirs] = results as [WarmUpResult, WarmUpResult];
  const ratio = (key: 'bootMs' | 'thousandReadsMs' | 'steadyMs'): number =>
    rounded(ours[key] / theirs[key], 3);
  const ratios = [
    { bootMs: ratio('bootMs'), thousandReadsMs: ratio('thousandReadsMs'), steadyMs: ratio('steadyMs') },
  ];
  const targets = [target('from boot to 90% of the steady rate', ratio('steadyMs'), { atMost: 1.3 })];
  reportTables(
    { bench: 'warm-up', results, ratios, targets },
    { systems: results, "ours to TypeORM's replication": ratios, targets },
  );
});
