import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { ScriptedProbe } from '../../../../test/support/topology/scripted-probe.js';
import { WatchedCluster } from '../../../../test/support/topology/watched-cluster.js';
import type { NodeOptions } from '../options/replica-options.js';
import { resolveNode, type ResolvedNode } from '../options/resolve-nodes.js';
import type { Position } from '../session/position.js';
import { withConnectionOf } from '../postgres/connection-options.js';
import { ReplicaSet } from './replica-set.js';

/** Pools without connections: they tell what was asked of them, and are idle when told to be. */
class FakePools {
  readonly nodes = new Map<string, ResolvedNode>();
  readonly byName = new Map<string, { whenIdle: () => Promise<void> }>();
  readonly log: string[] = [];
  warmUp: (node: ResolvedNode) => Promise<void> = () => Promise.resolve();
  becomeIdle: () => void = () => undefined;

  add(node: ResolvedNode): never {
    this.log.push(`+${node.address}`);
    this.nodes.set(node.name, node);
    this.byName.set(node.name, { whenIdle: () => new Promise((resolve) => (this.becomeIdle = resolve)) });
    return undefined as never;
  }

  remove(name: string): void {
    this.log.push(`-${this.nodes.get(name)?.address}`);
    this.nodes.delete(name);
    this.byName.delete(name);
  }
}

describe('ReplicaSet', () => {
  let cluster: WatchedCluster;
  let pools: FakePools;
  let probes: Map<string, ScriptedProbe>;
  let set: ReplicaSet;
  let beforeFirst: () => Promise<Position | undefined>;
  const primary = resolveNode({ host: 'primary' }, 'primary', { otherwise: 'primary' });

  async function begin({ replicas = 2, hasReplicas = true } = {}): Promise<void> {
    cluster = new WatchedCluster(replicas);
    pools = new FakePools();
    probes = new Map();
    beforeFirst = () => Promise.resolve(undefined);
    pools.add(primary);
    for (const name of cluster.replicaNames)
      pools.add(resolveNode({ host: name }, 'replica', { otherwise: name }));
    pools.log.length = 0;
    set = new ReplicaSet({
      database: { withConnectionOf },
      options: { type: 'postgres', primary, pool: undefined },
      pools: pools as never,
      monitor: cluster.monitor,
      probes: {
        of: ({ address }) => {
          const probe = new ScriptedProbe(true, 100n);
          probes.set(address, probe);
          return probe;
        },
      },
      endpoints: { nodes: [], watch: () => Promise.resolve(), end: () => undefined },
      state: { hasReplicas },
      beforeFirst: () => beforeFirst(),
    });
    await cluster.start();
  }

  beforeEach(async () => {
    jest.useFakeTimers();
    await begin();
  });

  afterEach(async () => {
    await Promise.all([set.stop(), cluster.stop()]);
    jest.useRealTimers();
  });

  const put = (...nodes: NodeOptions[]): Promise<void> => set.put(set.resolve(nodes));
  const settle = (): Promise<void> => jest.advanceTimersByTimeAsync(10);
  const health = (): string[] =>
    cluster.monitor.topology.replicas.map(({ name, health: is }) => `${name} ${is}`);

  it('leaves nodes that stay alone, lets new ones serve when they are warm, and others leave', async () => {
    let warm: (() => void) | undefined;
    pools.warmUp = () => new Promise((resolve) => (warm = resolve));
    const done = put({ host: 'replica-2' }, { host: 'c' });
    await settle();
    await done;
    expect(health()).toEqual(['replica-2 up', 'c unknown']);
    expect(pools.log).toEqual(['+c:5432', '-replica-1:5432']);
    warm?.();
    await settle();
    expect(health()).toEqual(['replica-2 up', 'c up']);
    expect([...probes.keys()]).toEqual(['c:5432']);
    expect(cluster.replicas.map(({ isClosed }) => isClosed)).toEqual([true, false]);
  });

  it('keeps the pool of a node that has left until statements routed to it have found it', async () => {
    const done = put({ host: 'replica-1' });
    await Promise.resolve();
    await Promise.resolve();
    expect(cluster.replicaNames).toEqual(['replica-1']);
    expect(pools.byName.has('replica-2')).toBe(true);
    await settle();
    await done;
    expect(pools.byName.has('replica-2')).toBe(false);
  });

  it('takes a node at another address for another one: nobody is routed to it by what was known of the old', async () => {
    const done = put({ name: 'replica-1', host: 'elsewhere' }, { host: 'replica-2' });
    await Promise.resolve();
    await Promise.resolve();
    expect({ names: cluster.replicaNames, log: pools.log }).toEqual({ names: ['replica-2'], log: [] });
    await settle();
    await done;
    expect(pools.log).toEqual(['-replica-1:5432', '+elsewhere:5432']);
    expect(cluster.node('replica-1')).toMatchObject({ address: 'elsewhere:5432' });
  });

  it('connects anew where the address is the same and the credentials are others', async () => {
    const done = put({ host: 'replica-1', username: 'other' }, { host: 'replica-2' });
    await settle();
    await done;
    expect(pools.log).toEqual(['-replica-1:5432', '+replica-1:5432']);
    expect([...probes.keys()]).toEqual(['replica-1:5432']);
  });

  it('changes weights and labels without connecting anew', async () => {
    const done = put({ host: 'replica-1', weight: 3, tags: { usage: 'reporting' } }, { host: 'replica-2' });
    await settle();
    await done;
    expect(pools.log).toEqual([]);
    expect(cluster.node('replica-1')).toMatchObject({
      health: 'up',
      weight: 3,
      tags: { usage: 'reporting' },
    });
  });

  it('makes one change after the other', async () => {
    const first = put({ host: 'a' });
    const second = put({ host: 'b' });
    await settle();
    await Promise.all([first, second]);
    expect(cluster.replicaNames).toEqual(['b']);
    expect(pools.log).toEqual(['+a:5432', '-replica-1:5432', '-replica-2:5432', '+b:5432', '-a:5432']);
  });

  it('goes on after a change that failed', async () => {
    const add = pools.add.bind(pools);
    pools.add = () => {
      throw new Error('no pool');
    };
    await expect(put({ host: 'a' })).rejects.toThrow('no pool');
    pools.add = add;
    const done = put({ host: 'b' });
    await settle();
    await done;
    expect(cluster.replicaNames).toEqual(['b']);
  });

  it('leaves the node alone that was promoted, whether it is in the list or not', async () => {
    cluster.replicas[0]?.at(200n, false, 2);
    await jest.advanceTimersByTimeAsync(2_000);
    expect(cluster.monitor.topology.primary.name).toBe('replica-1');
    const done = put({ host: 'replica-2' });
    await settle();
    await done;
    const again = put({ host: 'replica-1', username: 'other' }, { host: 'replica-2' });
    await settle();
    await again;
    expect(cluster.monitor.topology.primary).toMatchObject({ name: 'replica-1', health: 'up' });
    expect(pools.log).toEqual([]);
  });

  it('lets a promoted node that is in no list any more leave when another one is the primary', async () => {
    cluster.replicas[0]?.at(200n, false, 2);
    await jest.advanceTimersByTimeAsync(2_000);
    const done = put({ host: 'replica-2' });
    await settle();
    await done;
    cluster.replicas[1]?.at(300n, false, 3);
    await jest.advanceTimersByTimeAsync(2_000);
    expect(cluster.monitor.topology.primary.name).toBe('replica-2');
    expect(pools.log).toEqual(['-replica-1:5432']);
  });

  it('changes nothing any more once it is stopped', async () => {
    const done = put({ name: 'replica-1', host: 'elsewhere' });
    const stopped = set.stop();
    await settle();
    await Promise.all([done, stopped]);
    expect(pools.log).not.toContain('+elsewhere:5432');
  });

  describe('drain', () => {
    it('gives the replica no new reads, and resolves when nothing runs on it', async () => {
      let isDone = false;
      const drained = set.drain('replica-1').then(() => (isDone = true));
      expect(cluster.node('replica-1')).toMatchObject({ isDraining: true });
      await settle();
      expect(isDone).toBe(false);
      pools.becomeIdle();
      await drained;
      set.resume('replica-1');
      expect(cluster.node('replica-1').isDraining).toBe(false);
    });

    it.each<['resumed' | 'destroyed', () => unknown]>([
      ['resumed', () => set.resume('replica-1')],
      ['destroyed', () => set.stop()],
    ])('rejects when it is %s before', async (because, interrupt) => {
      const drained = set.drain('replica-1').catch((error: unknown) => error);
      await settle();
      await interrupt();
      expect(await drained).toMatchObject({ code: 'REPLICA_DRAIN_INTERRUPTED', node: 'replica-1', because });
    });

    it('refuses the primary, and names that no replica has', async () => {
      await expect(set.drain('primary')).rejects.toThrow(
        'primary is the primary, which takes all writes: name one of the replicas (replica-1, replica-2).',
      );
      await expect(set.drain('replica-9')).rejects.toMatchObject({ code: 'REPLICA_UNKNOWN_REPLICA' });
      expect(() => set.resume('replica-9')).toThrow('replica-9 is no node of this data source');
    });
  });

  describe('of a data source that had no replicas', () => {
    beforeEach(async () => {
      await Promise.all([set.stop(), cluster.stop()]);
      await begin({ replicas: 0, hasReplicas: false });
    });

    it('lets replicas serve when they have what was written while no session was kept', async () => {
      beforeFirst = () => Promise.resolve(150n);
      const done = put({ host: 'a' });
      await settle();
      await done;
      expect(cluster.node('a')).toMatchObject({
        health: 'down',
        problem: 'it has to pass what the primary had when replicas were added',
      });
      cluster.primary.at(150n, false);
      probes.get('a:5432')?.at(150n, true);
      await jest.advanceTimersByTimeAsync(2_000);
      expect(cluster.node('a')).toMatchObject({ health: 'up' });
    });

    it('puts none in place while it is not known what that is, and asks once', async () => {
      let asked = 0;
      beforeFirst = () => {
        asked++;
        return asked === 1 ? Promise.reject(new Error('the primary is down')) : Promise.resolve(100n);
      };
      await expect(put({ host: 'a' })).rejects.toThrow('the primary is down');
      expect(cluster.replicaNames).toEqual([]);
      for (const host of ['a', 'b']) {
        const done = put({ host });
        await settle();
        await done;
        expect(cluster.replicaNames).toEqual([host]);
      }
      expect(asked).toBe(2);
    });
  });
});
