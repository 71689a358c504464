import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { ScriptedProbe } from '../../../../test/support/topology/scripted-probe.js';
import { replicaNode, WatchedCluster } from '../../../../test/support/topology/watched-cluster.js';

const second = (): Promise<void> => jest.advanceTimersByTimeAsync(1_000);

describe('TopologyMonitor, nodes that come and go', () => {
  let cluster: WatchedCluster;

  beforeEach(async () => {
    jest.useFakeTimers();
    cluster = new WatchedCluster(2);
    await cluster.start();
  });

  afterEach(async () => {
    await cluster.stop();
    expect(jest.getTimerCount()).toBe(0);
    jest.useRealTimers();
  });

  it('watches a new node, which is unknown until it has answered', async () => {
    const probe = new ScriptedProbe(true, 100n);
    const change = cluster.monitor.setReplicas([
      replicaNode('replica-1'),
      replicaNode('replica-2'),
      replicaNode('replica-3', probe, { region: 'north', weight: 2 }),
    ]);
    expect(change).toEqual({ added: ['replica-3'], removed: [] });
    expect(cluster.node('replica-3')).toMatchObject({ health: 'unknown', region: 'north', weight: 2 });
    await jest.advanceTimersByTimeAsync(0);
    expect(cluster.node('replica-3')).toMatchObject({ health: 'up', lagMs: 0 });
  });

  it('goes on with the watch of a node that stays, under its new labels, and closes the probe it does not need', async () => {
    const before = cluster.node('replica-1');
    const unneeded = new ScriptedProbe(true, 1n);
    const labels = { weight: 3, tags: { usage: 'reporting' } };
    cluster.monitor.setReplicas([replicaNode('replica-1', unneeded, labels), replicaNode('replica-2')]);
    expect(cluster.node('replica-1')).toEqual({ ...before, region: undefined, ...labels });
    await second();
    expect(unneeded).toMatchObject({ probes: 0, isClosed: true });
    expect(cluster.replicas[0]).toMatchObject({ isClosed: false });
  });

  it('ends the watch of a node that leaves', async () => {
    expect(cluster.monitor.setReplicas([replicaNode('replica-1')])).toEqual({
      added: [],
      removed: ['replica-2'],
    });
    expect(cluster.replicaNames).toEqual(['replica-1']);
    await jest.advanceTimersByTimeAsync(0);
    const before = cluster.replicas[1]?.probes;
    await second();
    expect(cluster.replicas[1]).toMatchObject({ isClosed: true, probes: before });
  });

  it('begins no watch before it is started', async () => {
    const other = new WatchedCluster(0);
    const probe = new ScriptedProbe(true, 100n);
    other.monitor.setReplicas([replicaNode('late', probe)]);
    await second();
    expect(probe.probes).toBe(0);
    await other.start();
    expect(other.node('late').health).toBe('up');
    await other.stop();
  });

  it('lets nobody wait for a node that has left', async () => {
    const waited = cluster.monitor.waitForReplica(500n, 60_000, 'replica-2');
    cluster.monitor.setReplicas([replicaNode('replica-1')]);
    await expect(waited).resolves.toBe(false);
    await expect(cluster.monitor.waitForReplica(500n, 60_000, 'replica-2')).resolves.toBe(false);
  });

  it('ignores what is told of a node that has left, and learns no position from it', async () => {
    cluster.monitor.setReplicas([replicaNode('replica-1')]);
    cluster.monitor.doubt('replica-2');
    cluster.monitor.suspect('replica-2', 'connection lost');
    cluster.monitor.setDraining('replica-2', true);
    await expect(cluster.monitor.capturePosition('replica-2')).rejects.toThrow('no node named replica-2');
    expect(cluster.replicaNames).toEqual(['replica-1']);
  });

  it('does not believe a probe of a node that left while it was under way', async () => {
    let answer: () => void = () => undefined;
    (cluster.replicas[1] as ScriptedProbe).answer = () =>
      new Promise((resolve) => {
        answer = () => resolve({ isReadOnly: true, position: 100n, epoch: undefined });
      });
    await second();
    const captured = cluster.monitor.capturePosition('replica-2');
    cluster.monitor.setReplicas([replicaNode('replica-1')]);
    (cluster.replicas[1] as ScriptedProbe).at(100n, true);
    answer();
    await expect(captured).rejects.toThrow('no node named replica-2');
    expect(cluster.replicaNames).toEqual(['replica-1']);
  });

  it.each([
    ['two nodes with one name', [replicaNode('replica-1'), replicaNode('replica-1')]],
    ['a replica named like the primary', [replicaNode('primary')]],
    ['a second primary', [replicaNode('other', undefined, { role: 'primary' })]],
  ])('refuses %s, and changes nothing', (_, nodes) => {
    const before = cluster.monitor.topology;
    expect(() => cluster.monitor.setReplicas(nodes)).toThrow(TypeError);
    expect(cluster.monitor.topology).toBe(before);
  });

  it('drains a node, also over probes, until told otherwise', async () => {
    cluster.monitor.setDraining('replica-1', true);
    await second();
    expect(cluster.node('replica-1')).toMatchObject({ health: 'up', isDraining: true });
    cluster.monitor.setDraining('replica-1', false);
    expect(cluster.node('replica-1').isDraining).toBe(false);
  });

  describe('tells homes', () => {
    const [one, two] = [
      { name: 'replica-1', weight: 1 },
      { name: 'replica-2', weight: 1 },
    ];

    it('that are the configuration, and the former ones for as long as sessions may remember them', async () => {
      cluster.monitor.setReplicas([replicaNode('replica-1')]);
      expect(cluster.monitor.topology).toMatchObject({ homes: [one], formerHomes: [[one, two]] });
      await jest.advanceTimersByTimeAsync(29_000);
      expect(cluster.monitor.topology.formerHomes).toEqual([[one, two]]);
      await second();
      await second();
      expect(cluster.monitor.topology).toMatchObject({ homes: [one], formerHomes: [] });
    });

    it('that are the same in another order, and others with another weight', () => {
      cluster.monitor.setReplicas([replicaNode('replica-2'), replicaNode('replica-1')]);
      expect(cluster.monitor.topology.formerHomes).toEqual([]);
      cluster.monitor.setReplicas([
        replicaNode('replica-1', undefined, { weight: 2 }),
        replicaNode('replica-2'),
      ]);
      expect(cluster.monitor.topology.formerHomes).toHaveLength(1);
    });

    it('of each list once, however often nodes come and go', () => {
      for (let round = 0; round < 5; round++) {
        cluster.monitor.setReplicas([replicaNode('replica-1')]);
        cluster.monitor.setReplicas([replicaNode('replica-1'), replicaNode('replica-2')]);
      }
      expect(cluster.monitor.topology).toMatchObject({ homes: [one, two], formerHomes: [[one]] });
    });
  });

  describe('where a replica was promoted', () => {
    const [first, other] = [0, 1] as const;

    beforeEach(async () => {
      cluster.primary.fail();
      cluster.replicas[first]?.at(120n, false, 2);
      await second();
      expect(cluster.monitor.topology.primary.name).toBe('replica-1');
    });

    it('keeps it while it is the primary, and the configured primary, whatever the list', async () => {
      const change = cluster.monitor.setReplicas([]);
      expect(change).toEqual({ added: [], removed: ['replica-2'] });
      await second();
      expect(cluster.monitor.topology.primary).toMatchObject({ name: 'replica-1', health: 'up' });
      expect(cluster.replicaNames).toEqual(['primary']);
    });

    it('keeps it at its address, though another one has its name in the list', () => {
      const elsewhere = replicaNode('replica-1', undefined, { address: 'elsewhere:5432' });
      cluster.monitor.setReplicas([elsewhere, replicaNode('replica-2')]);
      expect(cluster.monitor.topology.primary.address).toBe('replica-1:5432');
    });

    it('lets it go when another one becomes the primary, and it is not in the configuration any more', async () => {
      const changed = cluster.monitor.setReplicas([replicaNode('replica-2')]);
      expect(changed).toEqual({ added: [], removed: [] });
      cluster.replicas[other]?.at(130n, false, 3);
      await second();
      expect(cluster.monitor.topology.primary).toMatchObject({ name: 'replica-2', health: 'up' });
      expect(cluster.replicaNames).toEqual(['primary']);
      expect(cluster.replicas[first]?.isClosed).toBe(true);
    });

    it('lets a node that comes serve only past what was known when the histories parted', async () => {
      const probe = new ScriptedProbe(true, 110n);
      cluster.monitor.setReplicas([replicaNode('replica-2'), replicaNode('replica-3', probe)]);
      await second();
      expect(cluster.node('replica-3').health).toBe('down');
      cluster.replicas[first]?.at(125n, false, 2);
      probe.at(125n, true);
      await second();
      await second();
      expect(cluster.node('replica-3').health).toBe('up');
    });
  });

  it('lets a node at another address show no less than what the one of its name may have shown', async () => {
    await jest.advanceTimersByTimeAsync(500);
    cluster.primary.at(150n, false);
    const probe = new ScriptedProbe(true, 120n);
    const change = cluster.monitor.setReplicas([
      replicaNode('replica-1', probe, { address: 'elsewhere:5432' }),
      replicaNode('replica-2'),
    ]);
    expect(change).toEqual({ added: ['replica-1'], removed: ['replica-1'] });
    expect(cluster.node('replica-1')).toMatchObject({ address: 'elsewhere:5432', health: 'unknown' });
    await jest.advanceTimersByTimeAsync(0);
    expect(cluster.node('replica-1').health).toBe('down');
    await second();
    await second();
    expect(cluster.node('replica-1')).toMatchObject({
      health: 'down',
      problem: expect.stringContaining('another server than before'),
    });
    probe.at(150n, true);
    await second();
    expect(cluster.node('replica-1').health).toBe('up');
  });
});
