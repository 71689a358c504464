import '../support/cluster/on-mariadb.js';
import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { ReplicaDataSource, type NodeStatus } from 'nestjs-replica';
import { startTcpProxy, type DatabaseNode, type TcpProxy } from 'nestjs-replica/testing';
import type { CheckReport } from '../../libs/replica/src/cli/check/check-report.js';
import { NODE_NAME_FUNCTION_SQL } from '../support/cluster/test-database.js';
import { useCluster } from '../support/cluster/use-cluster.js';
import { command } from '../support/command-line.js';
import { until } from '../support/until.js';
import {
  createHostStatus,
  emulateInstance,
  renewHostStatus,
  setHostStatus,
  type EmulatedInstance,
} from './support/emulated-aurora.js';

const STATUS = 'aurora_information.replica_host_status';

describe('an emulated Aurora MySQL behind its reader endpoint', () => {
  const cluster = useCluster({
    replicas: 2,
    sql: `CREATE TABLE thing (id int PRIMARY KEY, version int NOT NULL); INSERT INTO thing VALUES (1, 0); ${NODE_NAME_FUNCTION_SQL}`,
  });
  let instances: readonly EmulatedInstance[];
  let proxy: TcpProxy;
  let source: ReplicaDataSource;
  let version = 0;

  beforeAll(async () => {
    await createHostStatus(cluster.primary);
    await setHostStatus(cluster.nodes);
    await cluster.waitForCatchUp();
    cluster.beforeStop(renewHostStatus(cluster.primary));
    instances = await Promise.all(cluster.nodes.map(emulateInstance));
    const [writer, ...others] = instances as [EmulatedInstance, ...EmulatedInstance[]];
    proxy = await startTcpProxy(others);
    source = new ReplicaDataSource({
      type: 'mysql',
      primary: { url: writer.url },
      replicas: [{ name: 'reader', url: proxy.url, servers: 'many' }],
      maxLagMs: 2_500,
      monitor: { intervalMs: 100, probeTimeoutMs: 5_000 },
    });
    cluster.beforeStop(() => source.destroy());
    await source.initialize();
    await until(isWell, 'readers that serve');
  });
  afterEach(async () => {
    for (const reader of cluster.replicas) await reader.resumeReplay();
    await setHostStatus(cluster.nodes);
    await until(
      () => up().length === 2 && nodes().every(({ lagMs }) => (lagMs ?? 9_999) < 1_000),
      'all well',
    );
  });
  afterAll(async () => {
    await proxy.close();
    await Promise.all(instances.map((one) => one.close()));
  });

  const nodes = (): readonly NodeStatus[] => source.router.topology().replicas;
  const up = (): readonly NodeStatus[] => nodes().filter(({ health }) => health === 'up');
  const isWell = (): boolean => up().length === 2 && up().every(({ lagMs }) => (lagMs ?? Infinity) < 1_000);
  const inSession = <T>(sessionKey: string, work: () => Promise<T>): Promise<T> =>
    source.router.runRequest({ method: 'GET', sessionKey }, work);
  const read = async (): Promise<{ readonly version: number; readonly isFromReader: boolean }> => {
    const [row] = await source.query<{ version: number; node: string }[]>(
      'SELECT version, node_name() AS node FROM thing',
    );
    return { version: Number(row?.version), isFromReader: row?.node !== cluster.primary.name };
  };
  const write = (): Promise<unknown> => source.query('UPDATE thing SET version = ?', [++version]);

  it('tells the lag of each reader, and no position of anybody', () => {
    expect(source.router.topology().primary).toMatchObject({ health: 'up', position: null });
    expect(up()).toHaveLength(2);
    for (const node of up()) {
      expect(node).toMatchObject({
        position: null,
        receiver: expect.stringMatching(/^aurora without positions/),
      });
      expect(node.name).toMatch(/^reader-[0-9a-f]{10}$/);
    }
  });

  it('keeps who wrote on the writer for a time, and lets others read from readers', async () => {
    for (const reader of cluster.replicas) await reader.pauseReplay();
    await inSession('author', write);
    for (let count = 0; count < 10; count++)
      expect(await inSession('author', read)).toEqual({ version, isFromReader: false });
    expect(await inSession('visitor', read)).toMatchObject({ isFromReader: true });
  });

  it('takes a reader that falls behind out of the rotation, and shows nobody anything older then', async () => {
    const [lagging] = cluster.replicas as [DatabaseNode];
    const shown = new Map<string, number>();
    const readBy = async (visitor: string): Promise<boolean> => {
      const seen = await inSession(visitor, read);
      expect(seen.version).toBeGreaterThanOrEqual(shown.get(visitor) ?? 0);
      shown.set(visitor, seen.version);
      return seen.isFromReader;
    };
    const visitors = Array.from({ length: 8 }, (_, index) => `visitor-${index}`);
    for (const visitor of visitors) expect(await readBy(visitor)).toBe(true);
    await lagging.pauseReplay();
    await until(async () => {
      await inSession('author', write);
      for (const visitor of visitors) await readBy(visitor);
      return nodes().filter(({ isTooOld }) => isTooOld).length === 1;
    }, 'a reader that is too old');
    for (const visitor of visitors) await readBy(visitor);
    let newcomers = 0;
    await until(() => readBy(`newcomer-${newcomers++}`), 'a newcomer whose reader is the other one');
  });

  it.each([
    ['no row of its own', `SERVER_ID = CONCAT('gone-', SERVER_ID)`, '0 rows for the instance that answers'],
    ['no lag', 'REPLICA_LAG_IN_MILLISECONDS = NULL', 'no lag of this reader'],
    ['a negative lag', 'REPLICA_LAG_IN_MILLISECONDS = -1', 'no lag of this reader'],
    ['the role of a writer', `SESSION_ID = 'MASTER_SESSION_ID'`, 'a read-only server as the writer'],
  ])('serves nobody by a reader that tells %s', async (_, change, problem) => {
    await cluster.primary.query(`UPDATE ${STATUS} SET ${change} WHERE SESSION_ID <> 'MASTER_SESSION_ID'`);
    await until(() => nodes().every((node) => node.problem?.includes(problem) === true), 'a problem');
    expect(nodes().map(({ health }) => health)).toEqual(['down', 'down']);
    expect(await inSession('visitor', read)).toMatchObject({ isFromReader: false });
  });

  it('is found as assumed, or not, by the command line', async () => {
    const [writer, reader] = instances as [EmulatedInstance, EmulatedInstance];
    const report = async (): Promise<CheckReport> => {
      const { out } = await command(['check', '--json', '--primary', writer.url, '--replica', reader.url]);
      return JSON.parse(out) as CheckReport;
    };
    const good = await report();
    expect(good.findings.map(({ message }) => message)).toContain(
      'this is Aurora, and it tells what the library assumes',
    );
    expect(good.status).toBe('ok');
    await cluster.primary.query(`UPDATE ${STATUS} SET REPLICA_LAG_IN_MILLISECONDS = NULL`);
    expect((await report()).findings).toContainEqual(
      expect.objectContaining({
        level: 'warning',
        message: expect.stringMatching(/^this is Aurora, and it does not tell .* no lag of this reader/),
      }),
    );
  });
});
