import { answerParent } from './support/child.js';
import { ITEMS, spread } from './support/items.js';
import { keepBusy } from './support/measure.js';
import { profile, type ProfiledFunction } from './support/profile.js';
import { openReadSystem, type ReadSystemOptions } from './support/read-systems.js';
import { rounded } from './support/report.js';

/** What one process of the benchmark `profile` looks at: one system. */
export interface ProfileTask extends ReadSystemOptions {
  readonly concurrency: number;
  readonly warmUpReads: number;
  readonly profiledMs: number;
}

export interface ProfileMeasured {
  readonly readsPerSecond: number;
  /** Microseconds of a read, by account. */
  readonly usPerRead: Readonly<Record<string, number>>;
  readonly functions: readonly ProfiledFunction[];
}

answerParent(async (task: ProfileTask): Promise<ProfileMeasured> => {
  const { concurrency, warmUpReads, profiledMs } = task;
  const system = await openReadSystem(task);
  const call = (n: number): Promise<void> => system.point(spread(n, ITEMS));
  await keepBusy({ concurrency, call }, { afterCalls: warmUpReads });
  let reads = 0;
  const { accounts, functions } = await profile(async () => {
    reads = await keepBusy({ concurrency, call }, { afterMs: profiledMs });
  });
  await system.close();
  return {
    readsPerSecond: Math.round((reads * 1_000) / profiledMs),
    usPerRead: Object.fromEntries(
      Object.entries(accounts).map(([name, us]) => [name, rounded(us / reads, 2)]),
    ),
    functions: functions.map(({ name, us }) => ({ name, us: rounded(us / reads, 2) })),
  };
});
