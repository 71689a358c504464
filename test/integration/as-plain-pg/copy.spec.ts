import { beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { ReplicaDataSource } from 'nestjs-replica';
import { startSource } from '../../support/app/start-source.js';
import { useLedgerCluster, whilePaused } from '../../support/cluster/use-cluster.js';
import { Account } from '../../support/ledger/accounts.js';
import { until } from '../../support/until.js';

const cluster = useLedgerCluster({ replicas: 1, count: 2 });

describe('COPY by query()', () => {
  let source: ReplicaDataSource;
  const events: string[] = [];

  beforeAll(async () => {
    source = await startSource(cluster);
    source.router.on('statement', ({ node, errorCode }) => events.push(`${node} ${errorCode ?? 'ok'}`));
  });
  beforeEach(() => {
    events.length = 0;
  });
  const inRequest = <T>(fn: () => Promise<T>): Promise<T> => source.router.runOnReplica({}, fn);

  it.each([
    'COPY account FROM STDIN',
    'copy entry from stdin; SELECT 1',
    '/* all */ Copy account FROM STDIN',
  ])('%s fails with the error of the server, and leaves the session where it was', async (sql) => {
    await inRequest(async () => {
      const copying = source.query(sql);
      await expect(copying).rejects.toMatchObject({ driverError: { code: '57014' } });
      await expect(copying).rejects.toThrow('COPY from stdin failed');
      expect(await source.getRepository(Account).count()).toBe(2);
    });
    expect(events[0]).toBe('primary 57014');
  });

  it('TO STDOUT succeeds, and gives no rows', async () => {
    const runner = source.createQueryRunner();
    const result = await runner.query('COPY account TO STDOUT', undefined, true);
    expect(result).toMatchObject({ records: [] });
    await runner.query('COPY (SELECT 1) TO STDOUT');
    await runner.release();
    expect(events).not.toContainEqual(expect.stringMatching(/REPLICA/));
  });

  it('TO STDOUT runs on the primary if a replica does not have the table yet', async () => {
    await whilePaused(cluster, async () => {
      await source.query('CREATE TABLE newer (id int)');
      const copy = async (): Promise<void> => {
        const runner = source.createQueryRunner('slave');
        await runner.query('COPY newer TO STDOUT').finally(() => runner.release());
      };
      // Until the catalog was read again, nobody knows that it only reads.
      await until(async () => {
        await inRequest(copy);
        return events.at(-2) === 'replica-1 42P01';
      }, 'a COPY from the replica');
      expect(events.at(-1)).toBe('primary ok');
    });
  });

  it('does not hinder what comes next in the same transaction', async () => {
    await inRequest(() =>
      source.transaction(async (manager) => {
        await manager.query('SAVEPOINT before');
        await expect(manager.query('COPY account FROM STDIN')).rejects.toMatchObject({ code: '57014' });
        await manager.query('ROLLBACK TO before');
        await manager.insert(Account, { owner: 'eve' });
      }),
    );
    expect(await inRequest(() => source.getRepository(Account).countBy({ owner: 'eve' }))).toBe(1);
  });
});
