import { ITEMS, SHELVES, spread } from './support/items.js';
import { answerParent } from './support/child.js';
import { keepBusy, measure, type Measured } from './support/measure.js';
import { openReadSystem, type ReadSystemOptions } from './support/read-systems.js';
import { Servers } from './support/servers.js';

export const QUERIES = ['point', 'join'] as const;
export type Query = (typeof QUERIES)[number];

/** What one process of the benchmark `reads` measures: one system. */
export interface ReadsTask extends ReadSystemOptions {
  readonly concurrencies: readonly number[];
  /** Reads of each query before anything is measured. */
  readonly warmUpReads: number;
  readonly warmUpMs: number;
  readonly measuredMs: number;
}

export interface ReadsMeasured extends Measured {
  readonly query: Query;
  readonly concurrency: number;
}

answerParent(async (task: ReadsTask): Promise<ReadsMeasured[]> => {
  const servers = await Servers.connect(task.cluster);
  const before = await servers.transactions();
  let reads = 0;
  const system = await openReadSystem(task);
  const callOf = (query: Query) => (n: number) => {
    reads++;
    return query === 'point' ? system.point(spread(n, ITEMS)) : system.join(spread(n, SHELVES));
  };
  // The compiler's work belongs to no measurement. One at a time: more connections are opened where they are needed.
  for (const query of [...QUERIES, ...QUERIES]) {
    await keepBusy({ concurrency: 1, call: callOf(query) }, { afterCalls: task.warmUpReads / 2 });
  }
  const results: ReadsMeasured[] = [];
  for (const concurrency of task.concurrencies) {
    for (const query of QUERIES) {
      const measured = await measure(servers, { ...task, concurrency, call: callOf(query) });
      results.push({ query, concurrency, ...measured });
    }
  }
  await system.close();
  await servers.assertServed(task.system === 'primary-only' ? 'primary' : 'replicas', { reads, before });
  await servers.close();
  return results;
});
