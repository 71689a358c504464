import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { QueryFailedError } from 'typeorm';
import { ReplicaDataSource, type NodeStatus, type ReplicaDataSourceOptions } from 'nestjs-replica';
import { startTcpProxy, type DatabaseNode, type TcpProxy } from 'nestjs-replica/testing';
import type { CheckReport } from '../../../libs/replica/src/cli/check/check-report.js';
import type { ServerQuery } from '../../../libs/replica/src/execution/assumption-check.js';
import { checkAurora } from '../../../libs/replica/src/postgres/aurora-check.js';
import { sourceOptions, startSource } from '../../support/app/start-source.js';
import { useCluster } from '../../support/cluster/use-cluster.js';
import { command } from '../../support/command-line.js';
import { until } from '../../support/until.js';
import { auroraUrl, changeAurora, emulateAurora } from './support/emulated-aurora.js';

describe('an emulated Aurora behind its reader endpoint', () => {
  const cluster = useCluster({
    replicas: 2,
    sql: 'CREATE TABLE thing (id int PRIMARY KEY, version int NOT NULL); INSERT INTO thing VALUES (1, 0)',
  });
  /** The reader endpoint, and the cluster endpoint. */
  let proxy: TcpProxy;
  let writer: TcpProxy;
  let source: ReplicaDataSource;

  beforeAll(async () => {
    await emulateAurora(cluster.primary);
    await cluster.waitForCatchUp();
    proxy = await startTcpProxy(cluster.replicas);
    writer = await startTcpProxy(cluster.primary);
    source = await startSource(cluster, options());
  });
  afterAll(() => Promise.all([proxy.close(), writer.close()]));

  const options = (): Pick<ReplicaDataSourceOptions<never>, 'primary' | 'replicas'> => ({
    primary: { url: auroraUrl(writer) },
    replicas: [{ name: 'reader', url: auroraUrl(proxy), servers: 'many' }],
  });
  const restore = async (): Promise<void> => {
    for (const replica of cluster.replicas) await replica.resumeReplay();
    await changeAurora(cluster.primary, {});
    await until(() => receivers().join() === 'aurora,aurora' && up().length === 2, 'all as it was');
  };
  const nodes = (): readonly NodeStatus[] => source.router.topology().replicas;
  const up = (): readonly NodeStatus[] => nodes().filter(({ health }) => health === 'up');
  const receivers = (): readonly (string | null)[] => nodes().map(({ receiver }) => receiver);
  let version = 0;

  /** Writes, then reads in the same request until a replica answers, or the given time is over; returns what was seen wrong. */
  async function writeAndRead(reads: number, by = source): Promise<{ stale: number; byReplica: number }> {
    const count = { stale: 0, byReplica: 0 };
    await by.router.runOnReplica({}, async () => {
      await by.query('UPDATE thing SET version = $1', [++version]);
      for (let read = 0; read < reads; read++) {
        const [row] = await by.query<{ version: number; port: string }[]>(
          `SELECT version, current_setting('port') AS port FROM thing`,
        );
        if (row?.version !== version) count.stale++;
        if (row?.port !== String(cluster.primary.port)) count.byReplica++;
      }
    });
    return count;
  }

  describe('while its instances stay what they are', () => {
    afterEach(restore);

    it('tells positions and lag of each reader, without any of the functions that Aurora refuses', () => {
      expect(up()).toHaveLength(2);
      for (const node of up()) {
        expect(node).toMatchObject({ receiver: 'aurora', timeline: null, position: expect.any(String) });
        expect(node.lagMs).toBeLessThan(1_000);
      }
      expect(source.router.topology().primary).toMatchObject({ health: 'up', position: expect.any(String) });
    });

    it('shows nobody less than they wrote while readers lag', async () => {
      for (const replica of cluster.replicas) await replica.pauseReplay();
      expect(await writeAndRead(20)).toEqual({ stale: 0, byReplica: 0 });
      await until(() => nodes().some(({ lagMs }) => (lagMs ?? 0) > 200), 'lag');
      await (cluster.replicas[0] as DatabaseNode).resumeReplay();
      await cluster.primary.query('SELECT 1');
      await until(async () => {
        const { stale, byReplica } = await writeAndRead(50);
        expect(stale).toBe(0);
        return byReplica > 0;
      }, 'a read of the own write by a reader');
    });

    it('goes by age alone where rows may be old, so that nobody ever tells a position', async () => {
      await changeAurora(cluster.primary, { told: `clock_timestamp() - interval '1 second'` });
      const another = new ReplicaDataSource(sourceOptions(cluster, options()));
      await another.initialize();
      try {
        const { router } = another;
        const isServed = ({ health, lagMs }: NodeStatus): boolean => health === 'up' && (lagMs ?? 0) >= 1_000;
        await until(
          () => router.topology().replicas.filter(isServed).length === 2,
          'the age of what readers tell',
        );
        expect(router.topology().primary).toMatchObject({ health: 'up', position: null });
        expect(await writeAndRead(20, another)).toEqual({ stale: 0, byReplica: 0 });
        const reads = await router.runOnReplica({}, () =>
          another.query('SELECT pg_is_in_recovery() AS reader'),
        );
        expect(reads).toEqual([{ reader: true }]);
      } finally {
        await another.destroy();
      }
    });

    it.each([
      ['no row of its own', { serverId: `'somebody'` }, 'no row for the instance that answers'],
      ['two rows', { otherId: 'pg_catalog.aurora_db_instance_identifier()' }, '2 rows'],
      ['no lag', { lag: 'NULL' }, 'no lag of this reader'],
      ['a negative lag', { lag: '-1' }, 'no lag of this reader'],
    ])('serves nobody by a reader that tells %s', async (_, defects, problem) => {
      await changeAurora(cluster.primary, defects);
      await until(() => nodes().every((node) => node.problem?.includes(problem) === true), 'a problem');
      expect(nodes().map(({ health }) => health)).toEqual(['down', 'down']);
    });

    it('can be checked', async () => {
      const [replica] = cluster.replicas as [DatabaseNode];
      const on =
        (node: DatabaseNode): ServerQuery =>
        (sql) =>
          node.query(sql);
      const check = (reader = replica): ReturnType<typeof checkAurora> =>
        checkAurora(on(cluster.primary), on(reader));
      const findings = await check();
      expect(findings.filter(({ isAsAssumed }) => !isAsAssumed)).toEqual([]);
      expect(findings).toHaveLength(7);
      expect((await check(cluster.primary)).at(-1)).toEqual({
        isAsAssumed: false,
        text: 'one connection leads to the writer, the other one to a reader',
      });
      await changeAurora(cluster.primary, { told: 'now()' });
      expect((await check()).at(-1)).toEqual({
        isAsAssumed: false,
        text: 'the writer tells its durable LSN at this moment',
      });
    });

    it('is found as assumed, or not, by the command line', async () => {
      const [replica] = cluster.replicas as [DatabaseNode];
      const check = async (): Promise<CheckReport> => {
        const urls = ['--primary', auroraUrl(cluster.primary), '--replica', auroraUrl(replica)];
        return JSON.parse((await command(['check', '--json', ...urls])).out) as CheckReport;
      };
      const aboutAurora = ({ findings }: CheckReport): unknown[] =>
        findings.filter(({ message }) => message.includes('Aurora'));
      const good = await check();
      expect(aboutAurora(good)).toEqual([
        { level: 'hint', node: null, message: 'this is Aurora, and it tells what the library assumes' },
      ]);
      // Only the rights are missing that the user of an emulation does not have.
      expect(good.findings.filter(({ level }) => level !== 'hint')).toMatchObject([
        { message: expect.stringMatching(/^a right is missing: /) },
        { message: expect.stringMatching(/^a right is missing: /) },
      ]);
      await changeAurora(cluster.primary, { told: 'now()' });
      const different = await check();
      expect(aboutAurora(different)).toMatchObject([
        {
          level: 'warning',
          message: expect.stringMatching(/the writer tells its durable LSN at this moment$/),
        },
      ]);
      // Nobody has ever told a position, and the reader serves by its age.
      expect(different.replicas).toMatchObject([{ serves: true, position: null, lagMs: expect.any(Number) }]);
    });
  });

  it('shows nobody anything older when a reader goes and another one becomes the writer', async () => {
    const [gone, next] = cluster.replicas as [DatabaseNode, DatabaseNode];
    const shown = new Map<string, number>();
    const failures: unknown[] = [];
    let byReaders = 0;
    const readBy = (sessionKey: string): Promise<void> =>
      source.router.runRequest({ method: 'GET', sessionKey }, async () => {
        const [row] = await source.query<{ version: number; reader: boolean }[]>(
          'SELECT version, pg_is_in_recovery() AS reader FROM thing',
        );
        expect(row?.version).toBeGreaterThanOrEqual(shown.get(sessionKey) ?? 0);
        shown.set(sessionKey, row?.version ?? 0);
        if (row?.reader === true) byReaders++;
      });
    const write = (): Promise<void> =>
      source.router.runRequest({ method: 'POST', sessionKey: 'author' }, async () => {
        await source.query('UPDATE thing SET version = $1', [++version]);
        shown.set('author', version);
      });
    const visitors = Array.from({ length: 6 }, (_, index) => `visitor-${index}`);
    /** The author writes, then everybody reads. While instances change, statements may fail, but what is shown is never older. */
    const round = async (): Promise<void> => {
      await write().catch((error: unknown) => failures.push(error));
      for (const one of ['author', ...visitors])
        await readBy(one).catch((error: unknown) => {
          if (!(error instanceof QueryFailedError)) throw error;
        });
    };
    await next.pauseReplay();
    for (let count = 0; count < 3; count++) await round();
    await next.resumeReplay();
    await gone.kill();
    proxy.redirect(next);
    await until(async () => {
      await round();
      return up().length === 1;
    }, 'one reader');
    await gone.start();
    proxy.redirect([gone, next]);
    await until(async () => {
      await round();
      return up().length === 2;
    }, 'the reader that came back');
    expect(failures).toEqual([]);
    // A failover: the writer stops, a reader takes over, and the endpoints follow.
    await cluster.waitForCatchUp();
    await cluster.primary.stop();
    await next.promote();
    await gone.follow(next);
    writer.redirect(next);
    proxy.redirect(gone);
    byReaders = 0;
    await until(async () => {
      const before = version;
      await round();
      return byReaders > 0 && shown.get('author') === before + 1;
    }, 'writes and reads after the failover');
  });
});
