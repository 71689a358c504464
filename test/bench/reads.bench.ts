/**
 * How fast reads are, compared with other systems: one row by its key, and a list with a join, with several numbers of reads at
 * once. The systems take turns, each time in a fresh process. Every answer is checked, and the median of the rounds counts.
 */
import { join } from 'node:path';
import { forDatabase, TEST_DATABASE } from '../support/cluster/test-database.js';
import { QUERIES, type ReadsMeasured, type ReadsTask } from './reads-system.js';
import { runInChild } from './support/child.js';
import { withCleanUp } from './support/clean-up.js';
import { startServers } from './support/http-application.js';
import { startPgpool } from './support/pgpool.js';
import { OURS, READ_SYSTEMS, type ReadSystemName } from './support/read-systems.js';
import { isQuick, reportTables, rounded, say, target } from './support/report.js';
import { inTurns, medianOf } from './support/rounds.js';
import { addressOf } from './support/servers.js';

const CONCURRENCIES = [1, 16, 64, 256];
const ROUNDS = isQuick ? 3 : 5;
const POOL_SIZE = 8;
const TIMES = isQuick
  ? { warmUpReads: 5_000, warmUpMs: 150, measuredMs: 400 }
  : { warmUpReads: 20_000, warmUpMs: 300, measuredMs: 1_000 };

interface ReadsResult {
  readonly system: ReadSystemName;
  readonly query: string;
  readonly concurrency: number;
  readonly readsPerSecond: number;
  readonly p50Us: number;
  readonly p99Us: number;
  readonly nodeCpuUsPerRead: number;
  /** Of all processes of the servers and of the pooler. `null`: unknown here. */
  readonly serverCpuUsPerRead: number | null;
  /** To all nodes together, the monitor's included. */
  readonly connections: number;
}

type Round = ReadsMeasured & { readonly system: ReadSystemName };

function summarize(rounds: readonly Round[]): ReadsResult {
  const { system, query, concurrency } = rounds[0] as Round;
  const { callsPerSecond, p50Us, p99Us, nodeCpuUsPerCall, serverCpuUsPerCall, connections } =
    medianOf(rounds);
  return {
    system,
    query,
    concurrency,
    readsPerSecond: callsPerSecond,
    p50Us,
    p99Us,
    nodeCpuUsPerRead: nodeCpuUsPerCall,
    serverCpuUsPerRead: serverCpuUsPerCall,
    connections,
  };
}

/** Our reads per second in relation to those of each other system. */
function ratiosOf(results: readonly ReadsResult[]): Record<string, number> {
  const ours = results.find(({ system }) => system === OURS)?.readsPerSecond ?? Number.NaN;
  return Object.fromEntries(
    results
      .filter(({ system }) => system !== OURS)
      .map(({ system, readsPerSecond }) => [system, rounded(ours / readsPerSecond, 2)]),
  );
}

function targetsOf(
  results: readonly ReadsResult[],
  ratios: Record<string, Record<string, number>>,
): object[] {
  const p50 = (name: ReadSystemName): number =>
    results.find((it) => it.system === name && it.query === 'point' && it.concurrency === 1)?.p50Us ??
    Number.NaN;
  const others = [
    ['typeorm-replication', forDatabase({ postgres: 2, mariadb: 2.5 })],
    ['pg-pool', 1.3],
    ['pgpool-II', 3],
  ] as const;
  return [
    ...others.flatMap(([name, atLeast]) => {
      const value = ratios['point@64']?.[name];
      return value === undefined ? [] : [target(`point@64 vs ${name}`, value, { atLeast })];
    }),
    target('point@1 p50 vs typeorm-replication', rounded(p50(OURS) / p50('typeorm-replication'), 3), {
      atMost: 1.05,
    }),
  ];
}

await withCleanUp(async (cleanUp) => {
  const cluster = await startServers(cleanUp, { max_connections: 200 });
  const isPostgres = TEST_DATABASE === 'postgres';
  const pooler = isPostgres
    ? await startPgpool(cluster, { clients: POOL_SIZE * cluster.replicas.length, cleanUp })
    : undefined;
  if (isPostgres && pooler === undefined)
    say('--- pgpool-II is not installed (Debian: pgpool2): it is left out');
  const systems = READ_SYSTEMS.filter(
    (system) => (system !== 'pgpool-II' || pooler !== undefined) && (system !== 'pg-pool' || isPostgres),
  );
  const rounds: Round[] = [];
  await inTurns(systems, ROUNDS, async (system) => {
    const task: ReadsTask = {
      system,
      cluster: addressOf(cluster, pooler),
      poolSize: POOL_SIZE,
      concurrencies: CONCURRENCIES,
      ...TIMES,
    };
    const file = join(import.meta.dirname, 'reads-system.js');
    const measured = await runInChild<ReadsMeasured[]>(file, task, { cleanUp });
    rounds.push(...measured.map((one) => ({ ...one, system })));
  });
  const results: ReadsResult[] = [];
  const ratios: Record<string, Record<string, number>> = {};
  for (const query of QUERIES) {
    for (const concurrency of CONCURRENCIES) {
      const here = systems.map((system) =>
        summarize(
          rounds.filter((it) => it.system === system && it.query === query && it.concurrency === concurrency),
        ),
      );
      results.push(...here);
      ratios[`${query}@${concurrency}`] = ratiosOf(here);
    }
  }
  const targets = targetsOf(results, ratios);
  reportTables(
    { bench: 'reads', database: TEST_DATABASE, results, ratios, targets },
    {
      reads: results.map((it) => ({
        ...it,
        'ours to it': ratios[`${it.query}@${it.concurrency}`]?.[it.system] ?? '',
      })),
      targets,
    },
  );
});
