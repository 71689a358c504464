import { ReplicaDataSource } from 'nestjs-replica';
import type { DatabaseCluster } from 'nestjs-replica/testing';
import { forDatabase, TEST_DATABASE } from '../../support/cluster/test-database.js';
import type { PrimaryStatements } from './primary-statements.js';
import { percentile, rounded } from './report.js';

const WRITERS = 64;
const RAISE_SQL = {
  postgres: 'UPDATE item SET value = value + 1 WHERE id = $1',
  mariadb: 'UPDATE item SET value = value + 1 WHERE id = ?',
};

/** What learning the position of each write adds to the primary, when 64 requests write at once. */
export async function measureCapture(
  cluster: DatabaseCluster,
  statements: PrimaryStatements,
  durationMs: number,
): Promise<{
  writers: number;
  extraStatementsPerWrite: number;
  writesPerSecond: number;
  settleP50Ms: number;
}> {
  const source = await new ReplicaDataSource({
    type: TEST_DATABASE as 'postgres',
    primary: { url: cluster.primary.url },
    replicas: cluster.replicas.map(({ name, url }) => ({ name, url })),
    poolSize: 16,
  }).initialize();
  const endMs = performance.now() + durationMs;
  const settleMs: number[] = [];
  let writes = 0;
  await statements.reset();
  await Promise.all(
    Array.from({ length: WRITERS }, async (_, writer) => {
      while (performance.now() < endMs) {
        let writtenMs = 0;
        await source.router.runWithToken(undefined, async () => {
          await source.query(forDatabase(RAISE_SQL), [writer + 1]);
          writtenMs = performance.now();
        });
        settleMs.push(performance.now() - writtenMs);
        writes++;
      }
    }),
  );
  const all = await statements.count();
  await source.destroy();
  return {
    writers: WRITERS,
    extraStatementsPerWrite: rounded((all - writes) / writes, 4),
    writesPerSecond: Math.round((writes * 1000) / durationMs),
    settleP50Ms: rounded(percentile(settleMs, 0.5), 2),
  };
}
