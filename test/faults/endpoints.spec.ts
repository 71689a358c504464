import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { DataSourceRouter, NodeStatus } from 'nestjs-replica';
import { startTcpProxy, type DatabaseNode, type TcpProxy } from 'nestjs-replica/testing';
import { forDatabase, NODE_NAME_FUNCTION_SQL } from '../support/cluster/test-database.js';
import { useCluster } from '../support/cluster/use-cluster.js';
import { until } from '../support/until.js';
import { CheckedLoad, ROWS_PER_WRITER } from './support/checked-load.js';
import { summarize } from './support/summarize.js';
import { startVersionsApp, type VersionsApp } from './support/versions-app.js';
import { VersionsClient } from './support/versions-client.js';

/** On a busy machine reads take longer. Writers that went by the clock would then write for every few reads, and keep sessions on the primary. */
const LOAD = { readers: 40, writers: 2, thinkMs: 100, callsPerWrite: 100, sharingReaders: 20, reportMs: 0 };
const ENDPOINT = 'reader';
const rows = Array.from({ length: LOAD.writers * ROWS_PER_WRITER }, (_, index) => `(${index + 1}, 0)`);

describe('an endpoint behind which three replicas answer', () => {
  const cluster = useCluster({
    replicas: 3,
    sql: `CREATE TABLE counter (id int PRIMARY KEY, version int NOT NULL);
      INSERT INTO counter VALUES ${rows.join(', ')};
      ${forDatabase({ postgres: '', mariadb: NODE_NAME_FUNCTION_SQL })}`,
  });
  let proxy: TcpProxy;
  let app: VersionsApp;
  let client: VersionsClient;
  let load: CheckedLoad | undefined;

  beforeAll(async () => {
    proxy = await startTcpProxy(cluster.replicas);
    app = await startVersionsApp({
      system: 'nestjs-replica',
      primary: { name: 'primary', url: cluster.primary.url },
      replicas: [{ name: ENDPOINT, url: proxy.url, servers: 'many' }],
      // No replica leaves the rotation because the machine is busy.
      routing: { maxLagMs: 25_000, monitor: { intervalMs: 100, probeTimeoutMs: 5_000 } },
    });
    client = new VersionsClient(app.port, 20_000);
  });
  afterAll(async () => {
    await load?.stop();
    client?.close();
    await app?.close();
    await proxy.close();
  });

  const router = (): DataSourceRouter => app.router as DataSourceRouter;
  const replicas = (): readonly NodeStatus[] => router().topology().replicas;
  const up = (): readonly NodeStatus[] => replicas().filter(({ health }) => health === 'up');
  /** Servers call themselves by the name of their machine. */
  const portOf = ({ address }: NodeStatus): string => address.slice(address.lastIndexOf(':') + 1);
  const nodeOf = ({ port }: DatabaseNode): NodeStatus | undefined =>
    replicas().find((node) => portOf(node) === String(port) && node.health !== 'down');

  it('makes each of them a node that keeps its connections', async () => {
    await until(() => up().length === 3, 'three replicas');
    expect(up().map(portOf).toSorted()).toEqual(cluster.replicas.map(({ port }) => String(port)).toSorted());
    for (const { name } of up()) expect(name).toMatch(/^reader-[0-9a-f]{10}$/);
  });

  it('serves checked sessions while one lags, one dies and is replaced', async () => {
    const [lagging, dying] = cluster.replicas as [DatabaseNode, DatabaseNode];
    const reads = { primary: 0, replicas: 0 };
    const stopCounting = router().on('statement', ({ kind, node, isFinal }) => {
      if (kind === 'read' && isFinal) reads[node === 'primary' ? 'primary' : 'replicas']++;
    });
    const checked = (load = new CheckedLoad(client, LOAD, 'endpoint'));
    checked.start();
    const calls = (count: number): Promise<void> => {
      const from = checked.calls.length;
      return until(() => checked.calls.length >= from + count, `${count} calls`);
    };
    await calls(200);
    await lagging.pauseReplay();
    await calls(200);
    await lagging.resumeReplay();
    await dying.kill();
    await calls(100);
    proxy.redirect(cluster.replicas.filter((node) => node !== dying));
    await calls(200);
    await until(() => nodeOf(dying) === undefined, 'the dead replica down');
    const before = replicas().map(({ name }) => name);
    await dying.start();
    proxy.redirect(cluster.replicas);
    await until(() => nodeOf(dying)?.health === 'up', 'the replaced replica');
    expect(before).not.toContain(nodeOf(dying)?.name);
    await calls(200);
    await checked.stop();
    stopCounting();
    const report = summarize(checked.calls, { faultMs: 0, readsDueMs: 0, writesDueMs: 0 });
    expect(report).toMatchObject({ staleOwnReads: 0, nonMonotonicReads: 0, errors: {} });
    expect(reads.replicas / (reads.primary + reads.replicas)).toBeGreaterThanOrEqual(0.9);
  });
});
