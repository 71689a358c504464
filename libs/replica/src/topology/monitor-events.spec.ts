import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { replicaNode, WatchedCluster } from '../../../../test/support/topology/watched-cluster.js';
import type { ProbeResult, WatchedNode } from './node-probe.js';
import type { MonitorEvents, PrimaryConflict, TopologyChange } from './monitor-events.js';

const second = (): Promise<void> => jest.advanceTimersByTimeAsync(1_000);

describe('TopologyMonitor, events', () => {
  let cluster: WatchedCluster;

  /** Collects the event from now on. */
  const told = <E extends keyof MonitorEvents>(event: E): MonitorEvents[E][0][] => {
    const all: MonitorEvents[E][0][] = [];
    cluster.monitor.on(event, (...args) => all.push(args[0]));
    return all;
  };

  beforeEach(() => {
    jest.useFakeTimers();
    cluster = new WatchedCluster(2);
  });

  afterEach(async () => {
    await cluster.stop();
    expect(jest.getTimerCount()).toBe(0);
    jest.useRealTimers();
  });

  it('tell of a node that is up for the first time, down, and up again, once each', async () => {
    const down = told('node:down');
    const up = told('node:up');
    await cluster.start();
    expect(up.map(({ node, before }) => [node.name, before])).toEqual([
      ['primary', 'unknown'],
      ['replica-1', 'unknown'],
      ['replica-2', 'unknown'],
    ]);
    cluster.replicas[0]?.fail('refused');
    await second();
    await second();
    expect(down).toEqual([
      { node: expect.objectContaining({ name: 'replica-1', problem: 'refused' }), before: 'up' },
    ]);
    cluster.replicas[0]?.at(100n, true);
    await jest.advanceTimersByTimeAsync(5_000);
    expect(up.at(-1)).toMatchObject({ node: { name: 'replica-1', health: 'up' }, before: 'down' });
    expect(up).toHaveLength(4);
  });

  it('are told when the topology says so already', async () => {
    const seen: (string | undefined)[] = [];
    cluster.monitor.on('node:down', ({ node }) => seen.push(cluster.node(node.name).health));
    await cluster.start();
    cluster.monitor.suspect('replica-2', 'connection lost');
    expect(seen).toEqual(['down']);
  });

  it('harm nobody by a listener that throws', async () => {
    const failures: string[] = [];
    const other = new WatchedCluster(1, {}, { onListenerFailure: (event) => failures.push(event) });
    other.monitor.on('node:up', () => {
      throw new Error('of the listener');
    });
    const up: string[] = [];
    other.monitor.on('node:up', ({ node }) => up.push(node.name));
    await other.start();
    expect(up).toEqual(['primary', 'replica-1']);
    expect(failures).toEqual(['node:up', 'node:up']);
    expect(other.node('replica-1').health).toBe('up');
    await other.stop();
  });

  it('tell of nodes that come, go and drain', async () => {
    await cluster.start();
    const changes = told('topology:changed');
    cluster.monitor.setReplicas([replicaNode('replica-2'), replicaNode('replica-3')]);
    cluster.monitor.setDraining('replica-2', true);
    cluster.monitor.setDraining('replica-2', true);
    expect(changes).toMatchObject([
      { because: 'configuration', added: ['replica-3'], removed: ['replica-1'] },
      { because: 'draining', added: [], removed: [] },
    ] satisfies Partial<TopologyChange>[]);
    expect(changes.at(-1)?.topology).toBe(cluster.monitor.topology);
  });

  it('tell of other weights and labels, and not of a list that is the same', async () => {
    await cluster.start();
    const changes = told('topology:changed');
    const [one, two] = [replicaNode('replica-1'), replicaNode('replica-2')];
    cluster.monitor.setReplicas([two, one]);
    expect(changes).toEqual([]);
    const labels: Partial<WatchedNode>[] = [
      { weight: 2 },
      { region: 'north' },
      { tags: { usage: 'reports' } },
      { tags: {} },
    ];
    for (const changed of labels) cluster.monitor.setReplicas([{ ...one, ...changed }, two]);
    expect(changes).toHaveLength(4);
  });

  describe('of a promotion', () => {
    it('are told when all of it has happened', async () => {
      await cluster.start();
      const order: string[] = [];
      const note = (event: string) => () =>
        order.push(
          `${event}: ${cluster.monitor.topology.primary.name} ${cluster.monitor.topology.primary.health}`,
        );
      cluster.monitor.on('node:down', note('node:down'));
      cluster.monitor.on('primary:changed', note('primary:changed'));
      cluster.monitor.on('topology:changed', note('topology:changed'));
      const changes = told('primary:changed');
      cluster.replicas[0]?.at(120n, false, 2);
      await second();
      expect(order).toEqual([
        'node:down: replica-1 up',
        'node:down: replica-1 up',
        'primary:changed: replica-1 up',
        'topology:changed: replica-1 up',
      ]);
      expect(changes).toMatchObject([
        { primary: { name: 'replica-1', position: 120n }, before: { name: 'primary' }, because: 'promotion' },
      ]);
    });

    it('name the node that has left with it', async () => {
      await cluster.start();
      cluster.replicas[0]?.at(120n, false, 2);
      await second();
      cluster.monitor.setReplicas([replicaNode('replica-2')]);
      const changes = told('topology:changed');
      cluster.replicas[1]?.at(130n, false, 3);
      await second();
      expect(changes).toMatchObject([{ because: 'promotion', added: [], removed: ['replica-1'] }]);
    });

    it('tell of another server behind the address of the primary', async () => {
      await cluster.start();
      const changes = told('primary:changed');
      cluster.primary.at(120n, false, 2);
      await second();
      expect(changes).toMatchObject([{ primary: { name: 'primary' }, because: 'another-server' }]);
    });
  });

  describe('of two nodes that accept writes', () => {
    let conflicts: PrimaryConflict[];

    beforeEach(async () => {
      await cluster.start();
      conflicts = told('primary:conflict');
    });

    it('tell once of the one on the lower epoch, which gets nothing', async () => {
      cluster.replicas[0]?.at(120n, false, 2);
      await second();
      await second();
      await second();
      expect(conflicts).toMatchObject([
        {
          node: { name: 'primary', role: 'replica', health: 'down' },
          primary: { name: 'replica-1' },
          epoch: 1,
          primaryEpoch: 2,
        },
      ]);
      cluster.primary.at(110n, true);
      await second();
      cluster.primary.at(130n, false, 1);
      await second();
      expect(conflicts).toHaveLength(2);
    });

    it('tell of one on the same epoch', async () => {
      cluster.replicas[1]?.at(900n, false, 1);
      await second();
      expect(conflicts).toMatchObject([{ node: { name: 'replica-2', health: 'down' }, epoch: 1 }]);
      expect(cluster.monitor.topology.primary).toMatchObject({ name: 'primary', health: 'up' });
    });

    it('are not both believed where the position comes with an answer of theirs', async () => {
      const answer = (epoch: number, isReadOnly = false): ProbeResult => ({
        isReadOnly,
        position: 500n,
        epoch,
      });
      cluster.replicas[0]?.at(120n, false, 2);
      await second();
      const { monitor } = cluster;
      expect(monitor.acceptPosition('replica-1', answer(2))).toBe(500n);
      expect(monitor.acceptPosition('primary', answer(1))).toBeUndefined();
      expect(monitor.acceptPosition('replica-1', answer(1))).toBeUndefined();
      expect(monitor.acceptPosition('replica-1', answer(2, true))).toBeUndefined();
      expect(monitor.acceptPosition('replica-9', answer(2))).toBeUndefined();
    });

    it('tell of an older server behind the address of the primary, which gets nothing', async () => {
      cluster.primary.at(120n, false, 3);
      await second();
      cluster.primary.at(110n, false, 2);
      await second();
      expect(conflicts).toMatchObject([{ node: { name: 'primary' }, epoch: 2, primaryEpoch: 3 }]);
      expect(cluster.monitor.topology.primary).toMatchObject({ health: 'down' });
      await expect(cluster.monitor.capturePosition('primary')).rejects.toThrow('an older one, fenced');
      // The address may lead to the right server again, which only a new connection shows.
      expect([cluster.primary.reconnects > 0, cluster.replicas.map(({ reconnects }) => reconnects)]).toEqual([
        true,
        [0, 0],
      ]);
      cluster.primary.at(130n, false, 3);
      await second();
      expect(cluster.monitor.topology.primary).toMatchObject({ health: 'up' });
    });
  });
});

describe('TopologyMonitor.topology', () => {
  it('cannot be changed, nor can what it consists of', () => {
    const { topology } = new WatchedCluster(1).monitor;
    const parts = [topology, topology.primary, topology.replicas, topology.replicas[0], topology.homes];
    expect(parts.map((part) => Object.isFrozen(part))).toEqual([true, true, true, true, true]);
  });
});

describe('TopologyMonitor.waitForPrimary', () => {
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

  it('is over at once while the primary is up', async () => {
    await expect(cluster.monitor.waitForPrimary(0)).resolves.toBe(true);
  });

  it('is over when the primary is back', async () => {
    cluster.primary.fail();
    await second();
    const waited = cluster.monitor.waitForPrimary(60_000);
    cluster.primary.at(100n, false);
    await second();
    await expect(waited).resolves.toBe(true);
  });

  it('is over when a replica has become the primary', async () => {
    cluster.primary.fail();
    await second();
    const waited = cluster.monitor.waitForPrimary(60_000);
    cluster.replicas[0]?.at(120n, false, 2);
    await second();
    await expect(waited).resolves.toBe(true);
    expect(cluster.monitor.topology.primary.name).toBe('replica-1');
  });

  it('takes no longer than asked, and no longer than the monitor runs', async () => {
    cluster.primary.fail();
    await second();
    const short = cluster.monitor.waitForPrimary(300);
    const long = cluster.monitor.waitForPrimary(60_000);
    await jest.advanceTimersByTimeAsync(300);
    await expect(short).resolves.toBe(false);
    void cluster.monitor.stop();
    await expect(long).resolves.toBe(false);
  });
});

describe('A TopologyMonitor that is not started', () => {
  it('ignores what statements tell: nobody would ever find a node up again', () => {
    const { monitor } = new WatchedCluster(0);
    monitor.suspect('primary', 'refused');
    monitor.doubt('primary');
    expect(monitor.topology.primary.health).toBe('unknown');
  });
});
