import { seededRandom } from '../support/random.js';
import { answerParent } from './support/child.js';
import { ITEMS, spread } from './support/items.js';
import { keepBusy, measure, type Measured } from './support/measure.js';
import { openReadSystem, type ReadSystemOptions } from './support/read-systems.js';
import { Servers } from './support/servers.js';

/** What one process of the benchmark `mixed` measures: one system. */
export interface MixedTask extends ReadSystemOptions {
  readonly concurrency: number;
  readonly slowShare: number;
  readonly slowSeconds: number;
  /** Before anything is measured. */
  readonly warmUpReads: number;
  readonly warmUpMs: number;
  readonly measuredMs: number;
}

answerParent(async (task: MixedTask): Promise<Measured> => {
  const { concurrency, slowShare, slowSeconds } = task;
  const servers = await Servers.connect(task.cluster);
  const before = await servers.transactions();
  let reads = 0;
  const warmUp = await openReadSystem(task);
  await keepBusy(
    { concurrency, call: (n) => warmUp.point(spread(n, ITEMS)) },
    { afterCalls: task.warmUpReads },
  );
  reads += task.warmUpReads;
  await warmUp.close();
  const system = await openReadSystem(task);
  const random = seededRandom(1);
  const call = async (n: number): Promise<'apart' | void> => {
    reads++;
    const id = spread(n, ITEMS);
    if (random() >= slowShare) return system.point(id);
    await system.slow(id, slowSeconds);
    return 'apart';
  };
  const measured = await measure(servers, { ...task, call });
  await system.close();
  await servers.assertServed('replicas', { reads, before });
  await servers.close();
  return measured;
});
