/**
 * Whether slow reads make fast ones wait. Of 100 reads, 95 fetch one row by its key and five take 50 ms on the server; 32 run at
 * once, with the same limit of connections for each system. The systems take turns, each time in a fresh process.
 */
import { join } from 'node:path';
import { startPostgresCluster } from 'nestjs-replica/testing';
import type { MixedTask } from './mixed-system.js';
import { runInChild } from './support/child.js';
import { withCleanUp } from './support/clean-up.js';
import { fillItems } from './support/items.js';
import type { Measured } from './support/measure.js';
import type { ReadSystemName } from './support/read-systems.js';
import { isQuick, reportTables, rounded, target } from './support/report.js';
import { inTurns, medianOf } from './support/rounds.js';
import { addressOf } from './support/servers.js';

const SYSTEMS = ['nestjs-replica', 'nestjs-replica-no-lanes', 'typeorm-replication', 'pg-pool'] as const;
const PEER = 'typeorm-replication' satisfies ReadSystemName;
const ROUNDS = isQuick ? 3 : 5;
const LOAD = {
  poolSize: 8,
  concurrency: 32,
  slowShare: 0.05,
  slowSeconds: 0.05,
  ...(isQuick
    ? { warmUpReads: 3_000, warmUpMs: 500, measuredMs: 2_000 }
    : { warmUpReads: 10_000, warmUpMs: 500, measuredMs: 4_000 }),
};

interface MixedResult {
  readonly system: ReadSystemName;
  /** Fast and slow ones. */
  readonly readsPerSecond: number;
  readonly pointP50Us: number;
  readonly pointP99Us: number;
  readonly slowP50Us: number | null;
  readonly slowP99Us: number | null;
  readonly nodeCpuUsPerRead: number;
  readonly serverCpuUsPerRead: number | null;
  readonly connections: number;
}

function summarize(system: ReadSystemName, rounds: readonly Measured[]): MixedResult {
  const median = medianOf(rounds);
  return {
    system,
    readsPerSecond: median.callsPerSecond,
    pointP50Us: median.p50Us,
    pointP99Us: median.p99Us,
    slowP50Us: median.apartP50Us,
    slowP99Us: median.apartP99Us,
    nodeCpuUsPerRead: median.nodeCpuUsPerCall,
    serverCpuUsPerRead: median.serverCpuUsPerCall,
    connections: median.connections,
  };
}

await withCleanUp(async (cleanUp) => {
  const starting = startPostgresCluster({ replicas: 2 });
  cleanUp.add(async () => (await starting).stop());
  const cluster = await starting;
  await fillItems(cluster);
  const rounds = new Map<ReadSystemName, Measured[]>(SYSTEMS.map((system) => [system, []]));
  await inTurns(SYSTEMS, ROUNDS, async (system) => {
    const task: MixedTask = { ...LOAD, system, cluster: addressOf(cluster) };
    const file = join(import.meta.dirname, 'mixed-system.js');
    rounds.get(system)?.push(await runInChild<Measured>(file, task, { cleanUp }));
  });
  const results = [...rounds].map(([system, measured]) => summarize(system, measured));
  const ours = results[0] as MixedResult;
  const others = results.slice(1);
  /** The ratio of ours to each of the others. */
  const ratios = {
    readsPerSecond: Object.fromEntries(
      others.map((it) => [it.system, rounded(ours.readsPerSecond / it.readsPerSecond, 2)]),
    ),
    pointP99: Object.fromEntries(
      others.map((it) => [it.system, rounded(ours.pointP99Us / it.pointP99Us, 2)]),
    ),
  };
  const targets = [
    target(`p99 of point reads vs ${PEER}`, ratios.pointP99[PEER] ?? Number.NaN, { atMost: 1.1 }),
    target(`reads/s vs ${PEER}`, ratios.readsPerSecond[PEER] ?? Number.NaN, { atLeast: 1 }),
  ];
  reportTables(
    { bench: 'mixed', results, ratios, targets },
    {
      'mixed: 95% point reads, 5% of 50 ms, 32 at once': results.map((it) => ({
        ...it,
        'ours/its reads': ratios.readsPerSecond[it.system],
        'ours/its p99': ratios.pointP99[it.system],
      })),
      targets,
    },
  );
});
