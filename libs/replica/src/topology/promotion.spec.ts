import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { ScriptedProbe } from '../../../../test/support/topology/scripted-probe.js';
import { replicaNode, WatchedCluster } from '../../../../test/support/topology/watched-cluster.js';

const second = (): Promise<void> => jest.advanceTimersByTimeAsync(1_000);

describe('TopologyMonitor, promotions', () => {
  let cluster: WatchedCluster;
  let one: ScriptedProbe;
  let two: ScriptedProbe;

  beforeEach(() => {
    jest.useFakeTimers();
    cluster = new WatchedCluster(2);
    [one, two] = cluster.replicas as [ScriptedProbe, ScriptedProbe];
  });

  afterEach(async () => {
    await cluster.stop();
    expect(jest.getTimerCount()).toBe(0);
    jest.useRealTimers();
  });

  const primary = (): typeof cluster.monitor.topology.primary => cluster.monitor.topology.primary;

  it('tell at the first failed probe that the primary is down, and keep replicas up meanwhile', async () => {
    await cluster.start();
    cluster.primary.fail();
    await jest.advanceTimersByTimeAsync(60_000);
    expect(primary()).toMatchObject({ name: 'primary', health: 'down', problem: 'gone' });
    expect(cluster.monitor.topology.replicas).toMatchObject([
      { health: 'up', position: 100n, lagMs: 0, isTooOld: false },
      { health: 'up', position: 100n, lagMs: 0, isTooOld: false },
    ]);
  });

  it('make a replica with the very position of the old primary its heir, and others follow from the next one on', async () => {
    await cluster.start();
    cluster.primary.fail();
    one.at(100n, false, 2);
    await second();
    expect(primary()).toMatchObject({ name: 'replica-1', health: 'up', position: 100n });
    expect(cluster.node('replica-2')).toMatchObject({ health: 'down' });
    one.at(101n, false, 2);
    two.at(101n, true);
    await second();
    expect(cluster.node('replica-2')).toMatchObject({ health: 'up', position: 101n });
  });

  it('let a replica that receives the new epoch serve at once, wherever the old primary had been', async () => {
    cluster.primary.at(190n, false);
    await cluster.start();
    cluster.primary.fail();
    one.at(120n, false, 2);
    two.follows(100n, 2);
    await second();
    await second();
    expect(cluster.node('replica-2')).toMatchObject({ health: 'up', position: 100n, epoch: 2 });
  });

  it.each([
    ['nothing at the moment', { epoch: 2, receiver: 'waiting' }],
    ['something that it may not tell', { epoch: undefined, receiver: 'hidden' }],
  ])('keep a replica out that receives %s until it has passed what was known', async (_, told) => {
    cluster.primary.at(190n, false);
    await cluster.start();
    cluster.primary.fail();
    one.at(120n, false, 2);
    two.answer = () => Promise.resolve({ isReadOnly: true, position: 190n, ...told });
    await second();
    await second();
    expect(cluster.node('replica-2').health).toBe('down');
    one.at(191n, false, 2);
    two.answer = () => Promise.resolve({ isReadOnly: true, position: 191n, ...told });
    await second();
    expect(cluster.node('replica-2').health).toBe('up');
  });

  it('believe no number of a epoch where the server behind the address went back on the same one', async () => {
    await cluster.start();
    cluster.primary.at(90n, false);
    one.follows(100n, 1);
    await second();
    await second();
    expect(cluster.node('replica-1').health).toBe('down');
  });

  describe('faster than the monitor, on a database that cannot number them by itself', () => {
    const conflicts: string[] = [];

    /** The new primary is seen first. The next question goes to the former one. */
    async function promoteFirst(): Promise<void> {
      conflicts.length = 0;
      cluster.monitor.on('primary:conflict', ({ node }) => void conflicts.push(node.name));
      await cluster.start();
      one.answer = () =>
        Promise.resolve({ isReadOnly: false, position: 100n, epoch: 1, mayBePromoted: true });
      await cluster.monitor.capturePosition('replica-1').catch(() => undefined);
    }

    it('leave the replica as it is until the former primary has been asked', async () => {
      await promoteFirst();
      expect(cluster.node('replica-1')).toMatchObject({ role: 'replica', health: 'up' });
      cluster.primary.answer = () => Promise.resolve({ isReadOnly: true, position: 100n, epoch: 1 });
      await jest.advanceTimersByTimeAsync(50);
      one.at(100n, false, 2);
      await jest.advanceTimersByTimeAsync(50);
      expect(primary()).toMatchObject({ name: 'replica-1', health: 'up' });
      expect(conflicts).toEqual([]);
    });

    it('fence the replica once the primary has answered that it is the primary', async () => {
      await promoteFirst();
      await jest.advanceTimersByTimeAsync(100);
      expect(cluster.node('replica-1')).toMatchObject({ health: 'down' });
      expect(primary()).toMatchObject({ name: 'primary', health: 'up' });
      expect(conflicts).toEqual(['replica-1']);
    });
  });

  it('survive the death of the promoted node: a third takes over, and the first one stays fenced', async () => {
    await cluster.start();
    cluster.primary.fail();
    one.at(120n, false, 2);
    await second();
    one.fail();
    await second();
    expect(primary()).toMatchObject({ name: 'replica-1', health: 'down' });
    cluster.primary.at(500n, false, 1);
    await second();
    expect(primary()).toMatchObject({ name: 'replica-1', health: 'down' });
    expect(cluster.node('primary')).toMatchObject({ health: 'down', role: 'replica' });
    two.at(110n, false, 3);
    await second();
    expect(primary()).toMatchObject({ name: 'replica-2', health: 'up', epoch: 3 });
  });

  it('tell positions again when the primary returns on its epoch, as if nothing had been', async () => {
    await cluster.start();
    cluster.primary.fail();
    await jest.advanceTimersByTimeAsync(30_000);
    cluster.primary.at(100n, false);
    await second();
    expect(cluster.monitor.topology.replicas).toMatchObject([{ health: 'up' }, { health: 'up' }]);
    await second();
    expect(cluster.node('replica-1')).toMatchObject({ lagMs: 0 });
  });

  it('are not held against replicas that were taken down by them', async () => {
    await cluster.start();
    cluster.primary.fail();
    one.at(120n, false, 2);
    await second();
    two.follows(100n, 2);
    await second();
    for (let round = 0; round < 2; round++) {
      expect(cluster.node('replica-2').health).toBe('up');
      two.fail();
      cluster.monitor.suspect('replica-2', 'connection lost');
      await jest.advanceTimersByTimeAsync(0);
      two.follows(100n, 2);
      await jest.advanceTimersByTimeAsync(1_000);
      if (round === 0) continue;
      expect(cluster.node('replica-2').problem).toMatch(/went down 2 times/);
    }
  });

  describe('before any primary has answered', () => {
    beforeEach(() => cluster.primary.fail('refused'));

    it('keep what is known of replicas, without an age', async () => {
      two.at(90n, true);
      await cluster.start();
      await second();
      expect(primary().health).toBe('down');
      expect(cluster.node('replica-1')).toMatchObject({
        health: 'up',
        position: 100n,
        freshAsOfMs: undefined,
      });
      expect(cluster.node('replica-2')).toMatchObject({ health: 'up', position: 90n, lagMs: undefined });
      two.at(80n, true);
      await second();
      expect(cluster.node('replica-2')).toMatchObject({ health: 'down', position: 90n });
      two.at(90n, true);
      await second();
      expect(cluster.node('replica-2')).toMatchObject({ health: 'up', position: 90n });
    });

    it('make the promoted replica the primary when all others have been asked', async () => {
      let answer: () => void = () => undefined;
      two.answer = () =>
        new Promise((resolve) => {
          answer = () => resolve({ isReadOnly: true, position: 110n, epoch: undefined });
        });
      one.at(120n, false, 2);
      await cluster.start();
      await second();
      expect(primary().name).toBe('primary');
      two.at(110n, true);
      answer();
      await second();
      expect(primary()).toMatchObject({ name: 'replica-1', health: 'up' });
      expect(cluster.node('primary')).toMatchObject({ role: 'replica', health: 'down' });
    });

    it('make the one on the higher epoch the primary, and fence the other', async () => {
      one.at(120n, false, 2);
      two.at(110n, false, 3);
      await cluster.start();
      await second();
      await second();
      expect(primary()).toMatchObject({ name: 'replica-2', health: 'up' });
      expect(cluster.node('replica-1')).toMatchObject({
        health: 'down',
        problem: expect.stringContaining('fenced until it follows'),
      });
    });

    it('let the configured primary have its way when it answers on a higher epoch', async () => {
      one.at(120n, false, 2);
      await cluster.start();
      await second();
      expect(primary().name).toBe('replica-1');
      cluster.primary.at(130n, false, 3);
      await second();
      expect(primary()).toMatchObject({ name: 'primary', health: 'up' });
      expect(cluster.node('replica-1')).toMatchObject({ health: 'down' });
    });
  });

  it('behind an endpoint fence the heir, and keep out whoever may follow it, until the address of the primary leads there', async () => {
    await cluster.start();
    const names = ['heir', 'unclear', 'loyal'];
    const probes = names.map(() => new ScriptedProbe(true, 100n));
    const [heir, unclear, loyal] = probes as [ScriptedProbe, ScriptedProbe, ScriptedProbe];
    cluster.monitor.setReplicas(
      names.map((name, index) => replicaNode(name, probes[index], { endpoint: 'reader' })),
    );
    await second();
    expect(names.map((name) => cluster.node(name).health)).toEqual(['up', 'up', 'up']);

    heir.at(100n, false, 2);
    loyal.follows(100n, 1);
    await second();
    await second();
    expect(primary()).toMatchObject({ name: 'primary', health: 'up' });
    expect(cluster.node('heir').problem).toContain('a server behind an endpoint only answers reads');
    expect(names.map((name) => cluster.node(name).health)).toEqual(['down', 'down', 'up']);

    cluster.primary.identity = heir.identity;
    cluster.primary.at(101n, false, 2);
    unclear.follows(101n, 2);
    await second();
    await second();
    expect(primary()).toMatchObject({ name: 'primary', health: 'up', epoch: 2 });
    expect(cluster.node('heir').problem).toContain('under another address');
    expect(names.map((name) => cluster.node(name).health)).toEqual(['down', 'up', 'down']);
  });
});
