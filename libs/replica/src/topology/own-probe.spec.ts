import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import type { ScriptedProbe } from '../../../../test/support/topology/scripted-probe.js';
import { WatchedCluster } from '../../../../test/support/topology/watched-cluster.js';
import type { ProbeResult } from './node-probe.js';
import { stalenessMs } from './topology.js';

const second = (): Promise<void> => jest.advanceTimersByTimeAsync(1_000);

describe("TopologyMonitor, what the user's own probe says", () => {
  let cluster: WatchedCluster;

  beforeEach(async () => {
    jest.useFakeTimers();
    cluster = new WatchedCluster(1);
    await cluster.start();
  });

  afterEach(async () => {
    await cluster.stop();
    expect(jest.getTimerCount()).toBe(0);
    jest.useRealTimers();
  });

  const replicaAnswers = (answer: Partial<ProbeResult>): void => {
    const probe = cluster.replicas[0];
    if (probe === undefined) throw new RangeError('there is no replica');
    probe.answer = () => Promise.resolve({ isReadOnly: true, position: 100n, epoch: undefined, ...answer });
  };
  const agedMs = (): number => stalenessMs(cluster.node('replica-1'), performance.now());

  it('takes a node down that may not serve', async () => {
    replicaAnswers({ problem: 'it is being backed up' });
    await second();
    expect(cluster.node('replica-1')).toMatchObject({ health: 'down', problem: 'it is being backed up' });
    replicaAnswers({});
    await second();
    expect(cluster.node('replica-1').health).toBe('up');
  });

  it('does not make a node the primary that may not serve', async () => {
    replicaAnswers({ isReadOnly: false, epoch: 2, problem: 'not this one' });
    await second();
    expect(cluster.monitor.topology.primary).toMatchObject({ name: 'primary', health: 'up' });
  });

  it('makes a replica look older than its position does, also when the primary is probed again', async () => {
    replicaAnswers({ minLagMs: 7_000 });
    await second();
    expect(cluster.node('replica-1')).toMatchObject({ lagMs: 7_000, isLagging: true });
    await jest.advanceTimersByTimeAsync(900);
    await cluster.monitor.capturePosition('primary');
    expect(agedMs()).toBeGreaterThanOrEqual(7_000);
    replicaAnswers({});
    await second();
    expect(cluster.node('replica-1').lagMs).toBe(0);
    expect(agedMs()).toBeLessThanOrEqual(1_000);
  });

  it('never makes it look fresher', async () => {
    cluster.primary.at(200n, false);
    replicaAnswers({ minLagMs: 0 });
    await jest.advanceTimersByTimeAsync(4_000);
    expect(cluster.node('replica-1').lagMs).toBeGreaterThanOrEqual(3_000);
    expect(agedMs()).toBeGreaterThanOrEqual(3_000);
  });

  it('is all that is known of the age of nodes that tell no position', async () => {
    const other = new WatchedCluster(1);
    other.primary.answer = () =>
      Promise.resolve({ isReadOnly: false, position: undefined, epoch: undefined, minLagMs: 0 });
    const silent = { isReadOnly: true, position: undefined, epoch: undefined };
    const replica = other.replicas[0] as ScriptedProbe;
    replica.answer = () => Promise.resolve(silent);
    await other.start();
    expect(other.node('primary')).toMatchObject({ health: 'up', position: undefined });
    expect(other.node('replica-1')).toMatchObject({ health: 'down', problem: 'it told no position' });
    replica.answer = () => Promise.resolve({ ...silent, minLagMs: 30 });
    await jest.advanceTimersByTimeAsync(1_000);
    const node = other.node('replica-1');
    expect(node).toMatchObject({ health: 'up', position: undefined, lagMs: 30 });
    expect(stalenessMs(node, performance.now())).toBe(30);
    await expect(other.monitor.capturePosition('primary')).rejects.toThrow('primary told no position');
    await other.stop();
  });

  it('does not let a node serve without a position that has told one before', async () => {
    replicaAnswers({ position: undefined, minLagMs: 0 });
    await second();
    expect(cluster.node('replica-1').health).toBe('down');
  });
});
