import { afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import {
  discoverReplicas,
  dnsReplicas,
  ReplicaDataSource,
  type NodeOptions,
  type ReplicaDataSourceOptions,
} from 'nestjs-replica';
import type { PostgresNode } from 'nestjs-replica/testing';
import { setTimeout as delay } from 'node:timers/promises';
import { DnsServer } from '../../support/dns-server.js';
import { until } from '../../support/until.js';
import { useCluster } from '../../support/cluster/use-cluster.js';

const SRV = '_postgresql._tcp.pg.test';

const cluster = useCluster();

describe('a data source whose replicas are discovered', () => {
  let dns: DnsServer;
  let first: PostgresNode;
  let second: PostgresNode;
  let source: ReplicaDataSource;
  let warnings: string[];

  beforeAll(async () => {
    [first, second] = cluster.replicas as [PostgresNode, PostgresNode];
  });

  beforeEach(async () => {
    dns = await DnsServer.start();
  });
  afterEach(async () => {
    await source.destroy();
    // A question may be on its way.
    await delay(50);
    const asked = dns.questions.length;
    await delay(150);
    expect(dns.questions).toHaveLength(asked);
    await dns.close();
  });

  /** Resolves to how long the start took; milliseconds. */
  async function start(discovery: ReplicaDataSourceOptions['discovery']): Promise<number> {
    warnings = [];
    source = new ReplicaDataSource({
      type: 'postgres',
      primary: { url: cluster.primary.url },
      discovery,
      monitor: { intervalMs: 100 },
    });
    source.logger.log = (_, message: string) => void warnings.push(message);
    const startedMs = performance.now();
    await source.initialize();
    return performance.now() - startedMs;
  }

  const fromDns = (
    hostname: string,
    type: 'A' | 'SRV',
    port?: number,
  ): ReplicaDataSourceOptions['discovery'] =>
    dnsReplicas({ hostname, type, port, minIntervalMs: 10, servers: [dns.address] });

  function publish(ttl: number, ...nodes: PostgresNode[]): void {
    dns.set('SRV', SRV, { ttl, values: nodes.map(({ port }) => `0 10 ${port} localhost`) });
  }

  const nameOf = ({ port }: PostgresNode): string => `localhost-${port}`;
  const states = (): Record<string, string> =>
    Object.fromEntries(source.router.topology().replicas.map(({ name, health }) => [name, health]));
  const areUp = (...names: string[]): Promise<void> => {
    const areThey = (): boolean =>
      Object.keys(states()).length === names.length && names.every((name) => states()[name] === 'up');
    return until(areThey, `${names.join()} up`);
  };
  async function portOfRead(): Promise<number> {
    const read = (): Promise<{ port: number }[]> => source.query('SELECT inet_server_port() AS port');
    const [{ port }] = (await source.router.runOnReplica({}, read)) as [{ port: number }];
    return port;
  }

  it('follows SRV records as they change', async () => {
    publish(0, first);
    await start(fromDns(SRV, 'SRV'));
    await areUp(nameOf(first));
    expect(await portOfRead()).toBe(first.port);
    publish(0, first, second);
    await areUp(nameOf(first), nameOf(second));
    publish(0, second);
    await areUp(nameOf(second));
    expect(await portOfRead()).toBe(second.port);
  });

  it('finds replicas at addresses, by the port that it is told', async () => {
    dns.set('A', 'pg.test', { ttl: 60, values: ['127.0.0.1'] });
    await start(fromDns('pg.test', 'A', first.port));
    await areUp(`127.0.0.1-${first.port}`);
    expect(await portOfRead()).toBe(first.port);
  });

  it('asks DNS again when the time to live is over, and not before', async () => {
    dns.set('A', 'pg.test', { ttl: 1, values: ['127.0.0.1'] });
    const askedMs: number[] = [];
    dns.onQuestion = () => askedMs.push(performance.now());
    await start(fromDns('pg.test', 'A', first.port));
    await until(() => askedMs.length === 3);
    const [one = 0, two = 0, three = 0] = askedMs;
    expect(two - one).toBeGreaterThanOrEqual(990);
    expect(three - two).toBeGreaterThanOrEqual(990);
  });

  it('keeps the replicas that it knows while DNS fails or names none, and says so once', async () => {
    publish(0, first);
    await start(fromDns(SRV, 'SRV'));
    await areUp(nameOf(first));
    dns.delete('SRV', SRV);
    await until(() => source.router.counters().failedDiscoveries === 1);
    expect(await portOfRead()).toBe(first.port);
    publish(0, first, second);
    await areUp(nameOf(first), nameOf(second));
    expect(warnings.filter((line) => line.includes('discovered'))).toEqual([
      `[nestjs-replica] replicas could not be discovered, those known before stay: querySrv ENOTFOUND ${SRV}`,
      '[nestjs-replica] replicas are discovered again',
    ]);
  });

  it('starts without replicas when DNS does not answer, reads from the primary, and finds them later', async () => {
    dns.isAnswering = false;
    expect(await start(fromDns(SRV, 'SRV'))).toBeLessThan(5_000);
    expect(source.router.topology().replicas).toEqual([]);
    expect(await portOfRead()).toBe(cluster.primary.port);
    publish(0, first);
    dns.isAnswering = true;
    await until(() => states()[nameOf(first)] === 'up');
    expect(await portOfRead()).toBe(first.port);
  });

  it('does not take the primary for a replica, whatever its address, and raises no alarm', async () => {
    const conflicts: unknown[] = [];
    publish(0, first, cluster.primary);
    await start(fromDns(SRV, 'SRV'));
    source.router.on('primary:conflict', (event) => conflicts.push(event));
    await until(() => states()[nameOf(first)] === 'up');
    const problem = (): string | null | undefined =>
      source.router.topology().replicas.find(({ name }) => name === nameOf(cluster.primary))?.problem;
    await until(() => problem() === 'it is primary, the primary, under another address');
    expect(await portOfRead()).toBe(first.port);
    expect(conflicts).toEqual([]);
    expect(warnings.join()).not.toContain('TWO PRIMARIES');
  });

  it('leaves out the address of the primary', async () => {
    const { hostname, port } = new URL(cluster.primary.url);
    const found = [{ host: hostname, port: Number(port) }, { url: second.url }];
    await start(discoverReplicas(() => found));
    await areUp(`127.0.0.1-${second.port}`);
    expect(Object.keys(states())).toEqual([`127.0.0.1-${second.port}`]);
  });

  it('follows what a function finds, and keeps what it knows when that fails', async () => {
    let find = (): NodeOptions[] => [{ name: 'mine', url: first.url }];
    await start(discoverReplicas(() => find(), { intervalMs: 20 }));
    await areUp('mine');
    find = () => [{ name: 'mine', url: first.url }, { name: 'not found' }];
    await until(() => source.router.counters().failedDiscoveries > 0);
    expect(states()).toEqual({ mine: 'up' });
    find = () => [{ name: 'theirs', url: second.url }];
    await areUp('theirs');
    expect(await portOfRead()).toBe(second.port);
  });

  it('finds its replicas before it starts without the primary', async () => {
    publish(0, first);
    const { username, password, pathname } = new URL(cluster.primary.url);
    source = new ReplicaDataSource({
      type: 'postgres',
      primary: { host: '127.0.0.1', port: 1, username, password, database: pathname.slice(1) },
      discovery: fromDns(SRV, 'SRV'),
      startWithoutPrimary: true,
      monitor: { intervalMs: 100 },
    });
    source.logger.log = () => undefined;
    await source.initialize();
    await areUp(nameOf(first));
    expect(source.router.topology().primary.health).not.toBe('up');
  });

  it('refuses a list of replicas beside discovery', async () => {
    publish(0, first);
    await start(fromDns(SRV, 'SRV'));
    await expect(source.router.setReplicas([])).rejects.toMatchObject({
      code: 'REPLICA_REPLICAS_ARE_DISCOVERED',
    });
    await areUp(nameOf(first));
  });

  it('stops asking when its start has failed', async () => {
    publish(0, first);
    warnings = [];
    const failing = new ReplicaDataSource({
      type: 'postgres',
      primary: { host: '127.0.0.1', port: 1 },
      discovery: fromDns(SRV, 'SRV'),
    });
    await expect(failing.initialize()).rejects.toMatchObject({ code: 'REPLICA_NODE_UNAVAILABLE' });
    source = await new ReplicaDataSource({
      type: 'postgres',
      primary: { url: cluster.primary.url },
    }).initialize();
  });
});
