/**
 * What another node brings. Reads take 5 ms on the server, pools have 4 connections, and 1, 2 or 3 replicas serve; the primary
 * serves no reads. Each measurement runs in a fresh process, in turns.
 */
import { join } from 'node:path';
import { forDatabase, STARTS, TEST_DATABASE } from '../support/cluster/test-database.js';
import type { ScaleoutMeasured, ScaleoutTask } from './scaleout-system.js';
import { runInChild } from './support/child.js';
import { withCleanUp } from './support/clean-up.js';
import { fillItems } from './support/items.js';
import type { ReadSystemName } from './support/read-systems.js';
import { isQuick, reportTables, rounded, target } from './support/report.js';
import { inTurns, medianOf } from './support/rounds.js';
import { addressOf } from './support/servers.js';

const SYSTEMS = ['nestjs-replica', 'typeorm-replication'] as const;
const NODES = [1, 2, 3] as const;
const ROUNDS = isQuick ? 2 : 5;
const LOAD = {
  poolSize: 4,
  // Twenty reads wait for each connection of one node, seven for each of three, so none is idle by chance.
  concurrency: 84,
  readSeconds: 0.005,
  ...(isQuick
    ? { warmUpReads: 4_000, warmUpMs: 500, measuredMs: 1_500 }
    : { warmUpReads: 10_000, warmUpMs: 500, measuredMs: 3_000 }),
};

interface Case {
  readonly system: (typeof SYSTEMS)[number];
  readonly nodes: number;
}

interface ScaleoutResult {
  readonly system: ReadSystemName;
  /** Replicas that serve. */
  readonly nodes: number;
  readonly readsPerSecond: number;
  readonly p50Us: number;
  readonly p99Us: number;
  readonly connections: number;
  /** The share of the node that answered the fewest reads: 1, 0.5 and 0.33 at best. */
  readonly smallestShare: number;
}

/** Throws unless exactly the right replicas answered. */
function checkNodes({ shares }: ScaleoutMeasured, { system, nodes }: Case): void {
  const meant = Array.from({ length: nodes }, (_, index) => `replica-${index + 1}`);
  if (Object.keys(shares).toSorted().join() === meant.join()) return;
  throw new Error(`${system} on ${nodes} nodes: the reads were answered by ${JSON.stringify(shares)}`);
}

function summarize({ system, nodes }: Case, rounds: readonly ScaleoutMeasured[]): ScaleoutResult {
  const { callsPerSecond, p50Us, p99Us, connections } = medianOf(rounds);
  const { smallestShare } = medianOf(
    rounds.map(({ shares }) => ({ smallestShare: Math.min(...Object.values(shares)) })),
  );
  return {
    system,
    nodes,
    readsPerSecond: callsPerSecond,
    p50Us,
    p99Us,
    connections,
    smallestShare: rounded(smallestShare, 3),
  };
}

await withCleanUp(async (cleanUp) => {
  const starting = forDatabase(STARTS)({ replicas: NODES.length });
  cleanUp.add(async () => (await starting).stop());
  const cluster = await starting;
  await fillItems(cluster);
  const address = addressOf(cluster);
  const cases = SYSTEMS.flatMap((system) => NODES.map((nodes): Case => ({ system, nodes })));
  const rounds = new Map<Case, ScaleoutMeasured[]>(cases.map((it) => [it, []]));
  await inTurns(cases, ROUNDS, async (it) => {
    const replicas = address.replicas.slice(0, it.nodes);
    const task: ScaleoutTask = { ...LOAD, system: it.system, cluster: { ...address, replicas } };
    const file = join(import.meta.dirname, 'scaleout-system.js');
    const measured = await runInChild<ScaleoutMeasured>(file, task, { cleanUp });
    checkNodes(measured, it);
    rounds.get(it)?.push(measured);
  });
  const results = cases.map((it) => summarize(it, rounds.get(it) ?? []));
  const one = (system: string): number =>
    results.find((it) => it.system === system && it.nodes === 1)?.readsPerSecond ?? Number.NaN;
  /** The ratio of reads on this many nodes to reads on one. */
  const ratios = Object.fromEntries(
    SYSTEMS.map((system) => [
      system,
      Object.fromEntries(
        results
          .filter((it) => it.system === system)
          .map((it) => [String(it.nodes), rounded(it.readsPerSecond / one(system), 2)]),
      ),
    ]),
  );
  const ours = ratios['nestjs-replica'] ?? {};
  const targets = [
    target('reads/s of 2 nodes vs 1', ours['2'] ?? Number.NaN, { atLeast: 1.9 }),
    target('reads/s of 3 nodes vs 1', ours['3'] ?? Number.NaN, { atLeast: 2.8 }),
  ];
  reportTables(
    { bench: 'scaleout', database: TEST_DATABASE, results, ratios, targets },
    {
      'scaleout: reads of 5 ms, pools of 4': results.map((it) => ({
        ...it,
        'vs 1 node': ratios[it.system]?.[String(it.nodes)],
      })),
      targets,
    },
  );
});
