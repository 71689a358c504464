import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { ReplicaDataSource } from 'nestjs-replica';
import { startPostgresCluster, type PostgresCluster } from 'nestjs-replica/testing';
import { Account } from '../../support/accounts.js';
import { optionsFor, until } from '../../support/test-app.js';

describe('COPY by query()', () => {
  let cluster: PostgresCluster;
  let source: ReplicaDataSource;
  const events: string[] = [];

  beforeAll(async () => {
    cluster = await startPostgresCluster({ replicas: 1 });
    const { session: _, setHeaders: __, retryAttempts: ___, ...options } = optionsFor(cluster);
    source = await new ReplicaDataSource({ ...options, synchronize: true }).initialize();
    await source.getRepository(Account).insert([{ owner: 'ann' }, { owner: 'bob' }]);
    await cluster.waitForCatchUp();
    await until(() => source.router.topology().replicas.every(({ lagMs }) => lagMs === 0));
    source.router.on('statement', ({ node, errorCode }) => events.push(`${node} ${errorCode ?? 'ok'}`));
  });
  beforeEach(() => {
    events.length = 0;
  });
  afterAll(async () => {
    await source.destroy();
    await cluster.stop();
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
