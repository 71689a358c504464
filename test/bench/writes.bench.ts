/**
 * The price of sticky sessions for requests that write, compared with TypeORM alone on the same primary: one statement, and a
 * transaction of two, 16 at once. A request is done when its response may leave. With a store that processes share, that is
 * when the store knows the position. With sessions in memory, it is when the session's next request would wait for it.
 * Everything is measured twice: with all on the same processors, and with one for Node and the others for the servers.
 */
import { join } from 'node:path';
import { forDatabase, STARTS, TEST_DATABASE } from '../support/cluster/test-database.js';
import { runInChild } from './support/child.js';
import { withCleanUp } from './support/clean-up.js';
import { canBeApart, PROCESSORS, type Processors } from './support/processors.js';
import { isQuick, reportTables, rounded, say, target, type Target } from './support/report.js';
import { inTurns, medianOf } from './support/rounds.js';
import { addressOf } from './support/servers.js';
import {
  COUNTERS,
  WRITE_SYSTEMS,
  WRITES,
  type Write,
  type WritesMeasured,
  type WriteSystemName,
  type WritesTask,
} from './writes-system.js';

const ROUNDS = isQuick ? 2 : 7;
const LOAD = {
  poolSize: 8,
  concurrency: 16,
  ...(isQuick
    ? { warmUpWrites: 2_000, warmUpMs: 300, measuredMs: 1_000 }
    : { warmUpWrites: 10_000, warmUpMs: 500, measuredMs: 4_000 }),
};

interface WritesResult {
  readonly system: WriteSystemName;
  readonly processors: Processors;
  readonly write: Write;
  readonly concurrency: number;
  readonly writesPerSecond: number;
  readonly p50Us: number;
  readonly p99Us: number;
  readonly nodeCpuUsPerWrite: number;
  readonly serverCpuUsPerWrite: number | null;
  readonly connections: number;
}

function summarize(
  { system, processors }: Pick<WritesTask, 'system' | 'processors'>,
  write: Write,
  rounds: readonly WritesMeasured[],
): WritesResult {
  const median = medianOf(rounds);
  return {
    system,
    processors,
    write,
    concurrency: LOAD.concurrency,
    writesPerSecond: median.callsPerSecond,
    p50Us: median.p50Us,
    p99Us: median.p99Us,
    nodeCpuUsPerWrite: median.nodeCpuUsPerCall,
    serverCpuUsPerWrite: median.serverCpuUsPerCall,
    connections: median.connections,
  };
}

/** Makes the tables. */
const SET_UP = {
  postgres: [
    'CREATE TABLE counter (id int PRIMARY KEY, value int NOT NULL) WITH (fillfactor = 50)',
    `INSERT INTO counter SELECT n, 0 FROM generate_series(1, ${COUNTERS}) n`,
    'CREATE TABLE entry (id serial PRIMARY KEY, "counterId" int NOT NULL)',
    'VACUUM ANALYZE',
  ],
  mariadb: [
    'CREATE TABLE counter (id int PRIMARY KEY, value int NOT NULL)',
    `INSERT INTO counter SELECT seq, 0 FROM seq_1_to_${COUNTERS}`,
    'CREATE TABLE entry (id int AUTO_INCREMENT PRIMARY KEY, counterId int NOT NULL)',
  ],
};

await withCleanUp(async (cleanUp) => {
  const starting = forDatabase(STARTS)({ replicas: 2 });
  cleanUp.add(async () => (await starting).stop());
  const cluster = await starting;
  for (const sql of forDatabase(SET_UP)) await cluster.primary.query(sql);
  await cluster.waitForCatchUp();
  const placings = PROCESSORS.filter((processors) => processors === 'shared' || canBeApart());
  if (!placings.includes('apart')) say('apart: left out, it needs two processors and the command taskset');
  const runs = placings.flatMap((processors) => WRITE_SYSTEMS.map((system) => ({ processors, system })));
  const measured: (WritesMeasured & { readonly run: (typeof runs)[number] })[] = [];
  await inTurns(runs, ROUNDS, async (run) => {
    const task: WritesTask = { ...LOAD, ...run, cluster: addressOf(cluster) };
    const file = join(import.meta.dirname, 'writes-system.js');
    const results = await runInChild<WritesMeasured[]>(file, task, { cleanUp });
    measured.push(...results.map((result) => ({ ...result, run })));
  });
  const results = WRITES.flatMap((write) =>
    runs.map((run) =>
      summarize(
        run,
        write,
        measured.filter((it) => it.write === write && it.run === run),
      ),
    ),
  );
  /** The ratio of ours to TypeORM alone. */
  const ratios: Record<string, { writesPerSecond: number; p50: number }> = {};
  const targets: Target[] = [];
  for (const write of WRITES) {
    for (const { processors, system } of runs) {
      if (system === 'primary-only') continue;
      const of = (name: WriteSystemName): WritesResult =>
        results.find(
          (it) => it.write === write && it.processors === processors && it.system === name,
        ) as WritesResult;
      const [ours, alone] = [of(system), of('primary-only')];
      const throughput = rounded(ours.writesPerSecond / alone.writesPerSecond, 3);
      const store = system === 'nestjs-replica' ? '' : ', shared store';
      const what = `${write}@${LOAD.concurrency}, processors ${processors}${store}`;
      ratios[what] = { writesPerSecond: throughput, p50: rounded(ours.p50Us / alone.p50Us, 3) };
      targets.push(target(`${what}: writes/s vs primary-only`, throughput, { atLeast: 0.95 }));
    }
  }
  reportTables(
    { bench: 'writes', database: TEST_DATABASE, results, ratios, targets },
    {
      writes: results,
      'ours to primary-only': Object.entries(ratios).map(([what, values]) => ({ what, ...values })),
      targets,
    },
  );
});
