/**
 * Where the microseconds of a read go, 64 at once: by account (whose code it is) for each system, and our functions that take the
 * longest. Each system runs in a fresh process. The profiler itself takes time, so shares count and sums do not.
 */
import { join } from 'node:path';
import { startPostgresCluster } from 'nestjs-replica/testing';
import type { ProfileMeasured, ProfileTask } from './profile-system.js';
import { runInChild } from './support/child.js';
import { withCleanUp } from './support/clean-up.js';
import { fillItems } from './support/items.js';
import { OURS, type ReadSystemName } from './support/read-systems.js';
import { isQuick, reportTables } from './support/report.js';
import { inTurns } from './support/rounds.js';
import { addressOf } from './support/servers.js';

const SYSTEMS = ['nestjs-replica', 'nestjs-replica-no-lanes', 'typeorm-replication', 'pg-pool'] as const;
const LOAD = {
  poolSize: 8,
  concurrency: 64,
  ...(isQuick ? { warmUpReads: 10_000, profiledMs: 2_000 } : { warmUpReads: 50_000, profiledMs: 10_000 }),
};

await withCleanUp(async (cleanUp) => {
  const starting = startPostgresCluster({ replicas: 2 });
  cleanUp.add(async () => (await starting).stop());
  const cluster = await starting;
  await fillItems(cluster);
  const results: (ProfileMeasured & { readonly system: ReadSystemName })[] = [];
  await inTurns(SYSTEMS, 1, async (system) => {
    const task: ProfileTask = { ...LOAD, system, cluster: addressOf(cluster) };
    const file = join(import.meta.dirname, 'profile-system.js');
    results.push({ system, ...(await runInChild<ProfileMeasured>(file, task, { cleanUp })) });
  });
  const accounts = [...new Set(results.flatMap(({ usPerRead }) => Object.keys(usPerRead)))].toSorted();
  reportTables(
    { bench: 'profile', results },
    {
      'microseconds of a read, 64 at once': accounts.map((account) => ({
        account,
        ...Object.fromEntries(results.map(({ system, usPerRead }) => [system, usPerRead[account] ?? 0])),
      })),
      [`functions of ${OURS}`]: results.find(({ system }) => system === OURS)?.functions ?? [],
    },
  );
});
