import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import type { ScriptedProbe } from '../../../../test/support/topology/scripted-probe.js';
import { WatchedCluster } from '../../../../test/support/topology/watched-cluster.js';

describe('TopologyMonitor, how often it probes', () => {
  let cluster: WatchedCluster;
  let one: ScriptedProbe;
  let two: ScriptedProbe;

  beforeEach(async () => {
    jest.useFakeTimers();
    cluster = new WatchedCluster(2);
    [one, two] = cluster.replicas as [ScriptedProbe, ScriptedProbe];
    await cluster.start();
  });

  afterEach(async () => {
    await cluster.stop();
    expect(jest.getTimerCount()).toBe(0);
    jest.useRealTimers();
  });

  /** When probes begin during this time, in milliseconds from now. */
  const probesOf = async (probe: ScriptedProbe, duringMs: number): Promise<number[]> => {
    const beganMs = performance.now();
    const times: number[] = [];
    const { answer } = probe;
    probe.answer = () => {
      times.push(Math.round(performance.now() - beganMs));
      return answer();
    };
    await jest.advanceTimersByTimeAsync(duringMs);
    probe.answer = answer;
    return times;
  };

  it('probes a node in doubt at once and soon once more, then as before', async () => {
    await jest.advanceTimersByTimeAsync(500);
    cluster.monitor.doubt('replica-1');
    await expect(probesOf(one, 2_500)).resolves.toEqual([0, 100, 1_100, 2_100]);
  });

  it('probes less and less often a replica that stays down while another one is up', async () => {
    one.fail();
    await expect(probesOf(one, 32_000)).resolves.toEqual([
      1_000, 2_000, 4_000, 8_000, 16_000, 24_000, 32_000,
    ]);
  });

  it('goes on probing as often as always when all replicas are down', async () => {
    one.fail();
    two.fail();
    await jest.advanceTimersByTimeAsync(20_000);
    await expect(probesOf(one, 3_000)).resolves.toHaveLength(3);
  });

  it('probes the other replicas that are down at once when one is up again', async () => {
    one.fail();
    await jest.advanceTimersByTimeAsync(18_000);
    two.fail();
    await jest.advanceTimersByTimeAsync(3_500);
    one.at(100n, true);
    two.at(100n, true);
    await jest.advanceTimersByTimeAsync(500);
    expect(cluster.monitor.topology.replicas).toMatchObject([{ health: 'up' }, { health: 'up' }]);
  });

  it('looks for a promoted replica at once and often when the primary goes down, then less and less often', async () => {
    await jest.advanceTimersByTimeAsync(500);
    cluster.monitor.suspect('primary', 'refused');
    cluster.primary.fail();
    const times = await probesOf(one, 2_000);
    expect(times.slice(0, 4)).toEqual([0, 100, 210, 331]);
    expect(times.length).toBeLessThan(14);
    await jest.advanceTimersByTimeAsync(20_000);
    await expect(probesOf(one, 5_000)).resolves.toHaveLength(5);
    await expect(probesOf(cluster.primary, 5_000)).resolves.toHaveLength(5);
  });

  it('probes all nodes at once and often while somebody waits for a primary', async () => {
    cluster.primary.fail();
    await jest.advanceTimersByTimeAsync(30_000);
    const waited = cluster.monitor.waitForPrimary(60_000);
    await expect(probesOf(one, 450)).resolves.toEqual([0, 100, 200, 300, 400]);
    await expect(probesOf(cluster.primary, 500)).resolves.toHaveLength(5);
    cluster.primary.at(100n, false);
    await jest.advanceTimersByTimeAsync(100);
    await expect(waited).resolves.toBe(true);
    await expect(probesOf(one, 3_000)).resolves.toHaveLength(3);
  });

  it('is not made to probe more often by more who wait', async () => {
    cluster.primary.fail();
    await jest.advanceTimersByTimeAsync(30_000);
    const first = cluster.monitor.waitForPrimary(60_000);
    await jest.advanceTimersByTimeAsync(0);
    const times = probesOf(one, 300);
    for (let count = 0; count < 10; count++) void cluster.monitor.waitForPrimary(250);
    await expect(times).resolves.toEqual([100, 200, 300]);
    void cluster.monitor.stop();
    await first;
  });
});
