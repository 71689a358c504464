import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import type { ScriptedProbe } from '../../../../test/support/topology/scripted-probe.js';
import { WatchedCluster } from '../../../../test/support/topology/watched-cluster.js';

const second = (): Promise<void> => jest.advanceTimersByTimeAsync(1_000);

describe('TopologyMonitor, ejection and return', () => {
  let cluster: WatchedCluster;
  let replica: ScriptedProbe;

  beforeEach(async () => {
    jest.useFakeTimers();
    cluster = new WatchedCluster(2);
    replica = cluster.replicas[0] as ScriptedProbe;
    await cluster.start();
    await second();
  });

  afterEach(async () => {
    await cluster.stop();
    expect(jest.getTimerCount()).toBe(0);
    jest.useRealTimers();
  });

  /** Lets a probe fail and the next ones succeed. Returns how long it took until the node served again. */
  const flap = async (): Promise<number> => {
    replica.fail();
    cluster.monitor.suspect('replica-1', 'connection lost');
    await jest.advanceTimersByTimeAsync(0);
    replica.at(100n, true);
    const beganMs = performance.now();
    while (cluster.node('replica-1').health === 'down') await jest.advanceTimersByTimeAsync(100);
    return performance.now() - beganMs;
  };

  it('lets a node serve again with the first probe that succeeds', async () => {
    expect(await flap()).toBeLessThanOrEqual(1_000);
  });

  it('lets a node that flaps serve again later each time, and says why', async () => {
    const [first, again, third, fourth] = [await flap(), await flap(), await flap(), await flap()];
    expect(again).toBeGreaterThanOrEqual(1_000);
    expect(third).toBeGreaterThan(again);
    expect(fourth).toBeGreaterThan(third);
    expect(fourth).toBeLessThan(first + 7_000);
    replica.fail();
    await second();
    replica.at(100n, true);
    await jest.advanceTimersByTimeAsync(4_000);
    expect(cluster.node('replica-1')).toMatchObject({
      health: 'down',
      position: 100n,
      problem: expect.stringMatching(/^it answers again, but went down 5 times/),
    });
  });

  it('makes a primary that flaps wait for nothing: there is no other one', async () => {
    for (let round = 0; round < 4; round++) {
      cluster.monitor.suspect('primary', 'connection lost');
      expect(cluster.node('primary').health).toBe('down');
      await jest.advanceTimersByTimeAsync(0);
      expect(cluster.node('primary').health).toBe('up');
    }
  });

  it('lets a node that was down become the primary with the first probe that says so', async () => {
    await flap();
    replica.fail();
    cluster.monitor.suspect('replica-1', 'connection lost');
    await jest.advanceTimersByTimeAsync(0);
    replica.at(120n, false, 2);
    await second();
    expect(cluster.monitor.topology.primary).toMatchObject({ name: 'replica-1', health: 'up' });
  });

  it('does not believe what a statement tells that began before the node went down or came back', async () => {
    const beforeMs = performance.now();
    await jest.advanceTimersByTimeAsync(100);
    await flap();
    const { probes } = replica;
    cluster.monitor.suspect('replica-1', 'connection lost', beforeMs);
    cluster.monitor.doubt('replica-1', beforeMs);
    await jest.advanceTimersByTimeAsync(0);
    expect(cluster.node('replica-1').health).toBe('up');
    expect(replica.probes).toBe(probes);
    cluster.monitor.doubt('replica-1', performance.now());
    await jest.advanceTimersByTimeAsync(0);
    expect(replica.probes).toBe(probes + 1);
    cluster.monitor.suspect('replica-1', 'connection lost', performance.now());
    expect(cluster.node('replica-1').health).toBe('down');
  });

  it('clears nothing by guess when all replicas are down', async () => {
    for (const probe of cluster.replicas) probe.fail();
    await jest.advanceTimersByTimeAsync(60_000);
    expect(cluster.monitor.topology.replicas).toMatchObject([{ health: 'down' }, { health: 'down' }]);
  });
});

describe('TopologyMonitor, lag', () => {
  let cluster: WatchedCluster;
  let told: string[];

  beforeEach(async () => {
    jest.useFakeTimers();
    cluster = new WatchedCluster(1, { warnLagMs: 3_000, maxLagMs: 6_000 });
    told = [];
    for (const event of ['lag:high', 'lag:ok'] as const)
      cluster.monitor.on(event, ({ name, isLagging }) => told.push(`${event} ${name} ${isLagging}`));
    await cluster.start();
  });

  afterEach(async () => {
    await cluster.stop();
    jest.useRealTimers();
  });

  it('is told when it is high, and when it is well below again', async () => {
    cluster.primary.at(200n, false);
    await jest.advanceTimersByTimeAsync(2_000);
    expect(told).toEqual([]);
    await jest.advanceTimersByTimeAsync(3_000);
    expect(told).toEqual(['lag:high replica-1 true']);
    await jest.advanceTimersByTimeAsync(4_000);
    expect(cluster.node('replica-1')).toMatchObject({ health: 'up', isLagging: true, isTooOld: true });
    expect(told).toHaveLength(1);
    cluster.replicas[0]?.at(200n, true);
    await second();
    expect(cluster.node('replica-1')).toMatchObject({ isLagging: false, isTooOld: false });
    expect(told).toEqual(['lag:high replica-1 true', 'lag:ok replica-1 false']);
  });

  it('is none of a node that becomes the primary', async () => {
    cluster.primary.at(200n, false);
    await jest.advanceTimersByTimeAsync(9_000);
    cluster.replicas[0]?.at(220n, false, 2);
    await second();
    expect(cluster.monitor.topology.primary).toMatchObject({ lagMs: 0, isLagging: false, isTooOld: false });
  });
});
