import { afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { ReplicaDataSource, type FallbackLimit } from 'nestjs-replica';
import type { ReadStream } from 'node:fs';
import type { QueryFailedError } from 'typeorm';
import { sourceOptions } from '../support/app/start-source.js';
import { FAILING_SQL, FAILURE_TEXT, forDatabase } from '../support/cluster/test-database.js';
import { until } from '../support/until.js';
import { useLedgerCluster } from '../support/cluster/use-cluster.js';
import { Account } from '../support/ledger/accounts.js';

/** Takes so many seconds. */
const SLOW_SQL = forDatabase({
  postgres: 'SELECT count(*)::int AS n, pg_sleep($1::float) FROM account',
  mariadb: 'SELECT count(*) AS n, SLEEP(?) FROM account',
});
/** How many reads by the application do so now. */
const RUNNING_SQL = forDatabase({
  postgres: `SELECT count(*)::int AS n FROM pg_stat_activity
    WHERE state = 'active' AND query LIKE '%pg_sleep($1%' AND pid <> pg_backend_pid()`,
  mariadb: `SELECT count(*) AS n FROM information_schema.processlist
    WHERE user = 'app' AND command <> 'Sleep' AND info LIKE '%SLEEP(%'`,
});

const cluster = useLedgerCluster({ count: 500 });

describe('a limit on how many reads fall back on the primary', () => {
  let source: ReplicaDataSource | undefined;

  beforeAll(async () => {
    await Promise.all(cluster.replicas.map((node) => node.stop()));
  });
  afterEach(async () => {
    await source?.destroy();
    source = undefined;
  });

  /** With all replicas down. */
  async function start(fallback: FallbackLimit): Promise<ReplicaDataSource> {
    source = await new ReplicaDataSource(sourceOptions(cluster, { poolSize: 50, fallback })).initialize();
    await until(
      () => source?.router.topology().replicas.every(({ health }) => health === 'down') ?? false,
      'the loss of the replicas',
    );
    return source;
  }

  const slowly = (data: ReplicaDataSource, seconds: number): Promise<unknown> =>
    data.router.runOnReplica({}, () => data.query(SLOW_SQL, [seconds]));

  /** How many of these reads run on the primary now. */
  async function running(): Promise<number> {
    const rows = await cluster.primary.query<{ n: number }>(RUNNING_SQL);
    return rows[0]?.n ?? 0;
  }

  it('lets as many reads run at once as it says, and all of them in turn', async () => {
    const data = await start({ maxConcurrent: 4, queueTimeoutMs: 20_000 });
    let most = 0;
    let isDone = false;
    const reads = Promise.all(Array.from({ length: 50 }, () => slowly(data, 0.05))).finally(
      () => (isDone = true),
    );
    await until(async () => {
      most = Math.max(most, await running());
      return isDone;
    }, 'the end of the reads');
    expect((await reads).every((rows) => Number((rows as { n: number }[])[0]?.n) === 500)).toBe(true);
    expect(most).toBeGreaterThan(0);
    expect(most).toBeLessThanOrEqual(4);
  });

  it('refuses a read that gets no turn in time, with all the numbers, and works on afterwards', async () => {
    const data = await start({ maxConcurrent: 2, queueTimeoutMs: 100 });
    const settled = await Promise.allSettled(Array.from({ length: 50 }, () => slowly(data, 0.5)));
    const refused = settled.flatMap((one) =>
      one.status === 'rejected' ? [one.reason as QueryFailedError] : [],
    );
    expect(refused).toHaveLength(48);
    expect(refused[0]).toMatchObject({
      code: 'REPLICA_NONE_ELIGIBLE',
      reason: 'no-eligible-replica',
      limit: { maxConcurrent: 2, queueTimeoutMs: 100, waiting: expect.any(Number) },
    });
    expect(refused[0]?.message).toContain('takes over at most 2 at once');
    await Promise.all([slowly(data, 0), slowly(data, 0)]);
  });

  it('counts no read that goes to the primary for other reasons', async () => {
    const data = await start({ maxConcurrent: 1, queueTimeoutMs: 0 });
    const busy = slowly(data, 0.5);
    await until(async () => (await running()) === 1);
    await data.router.runOnPrimary(() => data.getRepository(Account).findOneBy({ id: 1 }));
    await data.getRepository(Account).findOneBy({ id: 1 });
    await data.transaction((manager) => manager.count(Account));
    await expect(slowly(data, 0)).rejects.toMatchObject({ code: 'REPLICA_NONE_ELIGIBLE' });
    await busy;
  });

  it('counts streams for as long as they flow', async () => {
    const data = await start({ maxConcurrent: 1, queueTimeoutMs: 0 });
    await data.router.runOnReplica({}, async () => {
      const stream: ReadStream = await data.getRepository(Account).createQueryBuilder('a').stream();
      stream.read();
      await until(() => stream.readableLength > 0);
      await expect(slowly(data, 0)).rejects.toMatchObject({ code: 'REPLICA_NONE_ELIGIBLE' });
      for await (const _ of stream);
    });
    await until(
      () =>
        slowly(data, 0).then(
          () => true,
          () => false,
        ),
      'the end of the stream',
    );
  });

  it('counts read-only transactions until they end, well or not', async () => {
    const data = await start({ maxConcurrent: 1, queueTimeoutMs: 0 });
    for (const ending of ['SELECT 1', FAILING_SQL]) {
      let end = (): void => undefined;
      const toEnd = new Promise<void>((resolve) => (end = resolve));
      let hasBegun = false;
      const transaction = data.router.readOnlyTransaction({}, async (manager) => {
        await manager.count(Account);
        hasBegun = true;
        await toEnd;
        return manager.query(ending);
      });
      await until(() => hasBegun);
      await expect(slowly(data, 0)).rejects.toMatchObject({ code: 'REPLICA_NONE_ELIGIBLE' });
      end();
      await transaction.catch((error: unknown) => expect(String(error)).toContain(FAILURE_TEXT));
      await slowly(data, 0);
    }
  });

  it('keeps no place for reads that fail', async () => {
    const data = await start({ maxConcurrent: 1, queueTimeoutMs: 0 });
    for (let index = 0; index < 3; index++) {
      await expect(data.router.runOnReplica({}, () => data.query(FAILING_SQL))).rejects.toThrow(FAILURE_TEXT);
    }
    await slowly(data, 0);
  });
});
