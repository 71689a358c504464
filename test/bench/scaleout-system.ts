import { answerParent } from './support/child.js';
import { ITEMS, spread } from './support/items.js';
import { keepBusy, measure, type Measured } from './support/measure.js';
import { openReadSystem, type ReadSystem, type ReadSystemOptions } from './support/read-systems.js';
import { Servers } from './support/servers.js';

/** What one process of the benchmark `scaleout` measures: one system on the nodes that `cluster` lists. */
export interface ScaleoutTask extends ReadSystemOptions {
  readonly concurrency: number;
  readonly readSeconds: number;
  /** Before anything is measured. */
  readonly warmUpReads: number;
  readonly warmUpMs: number;
  readonly measuredMs: number;
}

/** With the share of the reads that each node answered. */
export interface ScaleoutMeasured extends Measured {
  readonly shares: Readonly<Record<string, number>>;
}

answerParent(async (task: ScaleoutTask): Promise<ScaleoutMeasured> => {
  const servers = await Servers.connect(task.cluster);
  const reads = new Map<string, number>();
  const callOf = (system: ReadSystem, seconds: number) => async (n: number) => {
    const node = await system.slow(spread(n, ITEMS), seconds);
    reads.set(node, (reads.get(node) ?? 0) + 1);
  };
  const system = await openReadSystem(task);
  await keepBusy({ concurrency: 16, call: callOf(system, 0) }, { afterCalls: task.warmUpReads });
  const measured = await measure(servers, { ...task, call: callOf(system, task.readSeconds) });
  await system.close();
  await servers.close();
  const all = [...reads.values()].reduce((sum, one) => sum + one, 0);
  return {
    ...measured,
    shares: Object.fromEntries([...reads].map(([node, count]) => [node, count / all])),
  };
});
