import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { ScriptedProbe } from '../../../../test/support/topology/scripted-probe.js';
import { replicaNode, WatchedCluster } from '../../../../test/support/topology/watched-cluster.js';

const second = (): Promise<void> => jest.advanceTimersByTimeAsync(1_000);
const FOREIGN = { system: 'another' };

describe('TopologyMonitor, who answers', () => {
  let cluster: WatchedCluster;
  let one: ScriptedProbe;
  let two: ScriptedProbe;
  let foreign: string[];

  beforeEach(() => {
    jest.useFakeTimers();
    cluster = new WatchedCluster(2);
    [one, two] = cluster.replicas as [ScriptedProbe, ScriptedProbe];
    foreign = [];
    cluster.monitor.on('node:foreign', ({ node, system, primarySystem }) =>
      foreign.push(`${node.name}: ${system}, not ${primarySystem}`),
    );
  });
  afterEach(async () => {
    await cluster.stop();
    jest.useRealTimers();
  });

  const primary = (): { name: string; health: string } => cluster.monitor.topology.primary;
  const health = (name: string): string => cluster.node(name).health;

  describe('a server of another cluster', () => {
    it('gets nothing from the start, and that is told once', async () => {
      one.becomes(FOREIGN);
      await cluster.start();
      await second();
      await second();
      expect(cluster.node('replica-1')).toMatchObject({
        health: 'down',
        problem: expect.stringContaining(
          'another database cluster answers at its address (system identifier another',
        ),
      });
      expect(health('replica-2')).toBe('up');
      expect(foreign).toEqual(['replica-1: another, not ours']);
      expect(one.reconnects).toBeGreaterThan(0);
    });

    it('never becomes the primary, whatever its epoch and whether ours is away', async () => {
      await cluster.start();
      one.becomes(FOREIGN);
      one.at(500n, false, 9);
      await second();
      expect(primary()).toMatchObject({ name: 'primary', health: 'up' });
      cluster.primary.fail();
      await jest.advanceTimersByTimeAsync(20_000);
      expect(primary()).toMatchObject({ name: 'primary', health: 'down' });
    });

    it("is not the primary at the primary's own address", async () => {
      await cluster.start();
      cluster.primary.becomes(FOREIGN);
      cluster.primary.at(500n, false, 9);
      await second();
      expect(primary()).toMatchObject({ name: 'primary', health: 'down' });
      expect(cluster.monitor.acceptPosition('primary', { isReadOnly: false, position: 1n, epoch: 9 })).toBe(
        undefined,
      );
      expect(health('replica-1')).toBe('up');
    });

    it('serves nobody beside ours while no primary has told which is right, and then the right one does', async () => {
      cluster.primary.fail();
      two.becomes(FOREIGN);
      await cluster.start();
      await second();
      expect([health('replica-1'), health('replica-2')]).toEqual(['down', 'down']);
      cluster.primary.at(100n, false);
      await second();
      expect([health('replica-1'), health('replica-2')]).toEqual(['up', 'down']);
    });

    it('was presumed to be ours: it leaves when the primary answers', async () => {
      cluster.monitor.presumeSystem('another');
      for (const probe of cluster.replicas) probe.becomes(FOREIGN);
      cluster.primary.fail();
      await cluster.start();
      await second();
      expect(health('replica-1')).toBe('up');
      cluster.primary.at(100n, false);
      await second();
      expect(health('replica-1')).toBe('down');
    });
  });

  describe('servers that do not tell their cluster', () => {
    it('get nothing beside a primary that does', async () => {
      one.becomes({ system: undefined });
      await cluster.start();
      await second();
      expect(cluster.node('replica-1')).toMatchObject({
        health: 'down',
        problem: expect.stringContaining('GRANT EXECUTE ON FUNCTION pg_control_system()'),
      });
      expect(health('replica-2')).toBe('up');
    });

    it('serve beside a primary that does not either where a probe of the user vouches for them', async () => {
      for (const probe of [cluster.primary, one, two]) probe.becomes({ system: undefined });
      two.answer = () => Promise.resolve({ isReadOnly: true, position: 100n, epoch: undefined, minLagMs: 0 });
      await cluster.start();
      await second();
      expect([health('primary'), health('replica-1'), health('replica-2')]).toEqual(['up', 'down', 'up']);
    });
  });

  describe('another run of a server', () => {
    it('serves when it has what the primary had by then, whatever it had told before', async () => {
      await cluster.start();
      await jest.advanceTimersByTimeAsync(500);
      // A replica may show more than at its last probe, up to what the primary has.
      cluster.primary.at(150n, false);
      one.becomes({ startedAt: one.identity.startedAt, incarnation: 'after the crash' });
      one.at(110n, true);
      cluster.monitor.doubt('replica-1');
      await jest.advanceTimersByTimeAsync(0);
      expect(health('replica-1')).toBe('down');
      await second();
      expect(cluster.node('replica-1')).toMatchObject({ health: 'down', position: 100n });
      one.at(150n, true);
      await second();
      expect(cluster.node('replica-1')).toMatchObject({ health: 'up', position: 150n });
    });

    it('serves within milliseconds where it is there already', async () => {
      await cluster.start();
      await second();
      const changes: string[] = [];
      cluster.monitor.on('node:down', () => changes.push('down'));
      cluster.monitor.on('node:up', () => changes.push('up'));
      one.becomes();
      cluster.monitor.doubt('replica-1');
      await jest.advanceTimersByTimeAsync(50);
      expect(changes).toEqual(['down', 'up']);
    });

    it('serves nobody while the primary is away: nobody knows what the one before has shown', async () => {
      await cluster.start();
      cluster.primary.fail();
      await second();
      one.becomes();
      await jest.advanceTimersByTimeAsync(20_000);
      expect([health('replica-1'), health('replica-2')]).toEqual(['down', 'up']);
      cluster.primary.at(100n, false);
      await second();
      await second();
      expect(health('replica-1')).toBe('up');
    });

    it('is the only one that new connections may lead to', async () => {
      const { monitor } = cluster;
      expect(monitor.objectionTo('replica-1', one.identity)).toBeUndefined();
      await cluster.start();
      const before = one.identity;
      expect(monitor.objectionTo('replica-1', before)).toBeUndefined();
      expect(monitor.objectionTo('replica-1', two.identity)).toMatch(/another server than the monitor/);
      expect(monitor.objectionTo('replica-1', undefined)).toMatch(/another server than the monitor/);
      const changes: (string | undefined)[] = [];
      monitor.on('server:changed', ({ name, identity }) => changes.push(`${name} ${identity?.incarnation}`));
      one.becomes();
      await monitor.meetAnew('replica-1');
      expect(one.reconnects).toBe(1);
      expect(monitor.objectionTo('replica-1', before)).toMatch(/another run of it/);
      expect(monitor.objectionTo('replica-1', one.identity)).toBeUndefined();
      expect(changes).toEqual([`replica-1 ${one.identity.incarnation}`]);
    });
  });

  describe('a copy of the cluster', () => {
    it('that takes writes does not become the primary, for nobody has seen it follow', async () => {
      await cluster.start();
      one.becomes();
      one.at(500n, false, 2);
      await second();
      expect(cluster.node('replica-1')).toMatchObject({
        health: 'down',
        problem: expect.stringContaining('was never seen to follow primary'),
      });
      cluster.primary.fail();
      await jest.advanceTimersByTimeAsync(20_000);
      expect(primary().name).toBe('primary');
    });

    it('is none where the server was started since it was last seen, and the primary is away', async () => {
      await cluster.start();
      cluster.primary.fail();
      one.fail();
      await jest.advanceTimersByTimeAsync(5_000);
      one.becomes({ uptimeMs: 4_000 });
      one.at(120n, false, 2);
      await second();
      expect(primary()).toMatchObject({ name: 'replica-1', health: 'up' });
    });

    it('is one where the server has less than was seen of the replica', async () => {
      await cluster.start();
      cluster.primary.fail();
      one.fail();
      await jest.advanceTimersByTimeAsync(5_000);
      one.becomes({ uptimeMs: 4_000 });
      one.at(90n, false, 2);
      await second();
      expect(primary().name).toBe('primary');
    });

    it('whose replica is ahead of all that is known of the primary serves when the primary was asked', async () => {
      await cluster.start();
      one.becomes();
      one.at(200n, true);
      await second();
      await second();
      expect(health('replica-1')).toBe('down');
      cluster.primary.at(200n, false);
      await second();
      await second();
      expect(health('replica-1')).toBe('up');
    });
  });

  describe('a replica that answers before the primary does', () => {
    let changes: string[];
    /** Lets the primary answer its first question. */
    let answerAsPrimary: (position: bigint) => Promise<void>;

    beforeEach(async () => {
      changes = [];
      for (const event of ['node:down', 'node:up'] as const)
        cluster.monitor.on(event, ({ node }) => changes.push(`${node.name} ${node.health}`));
      cluster.primary.answer = () =>
        new Promise((resolve) => {
          answerAsPrimary = async (position) => {
            cluster.primary.at(position, false);
            resolve({ isReadOnly: false, position, epoch: 1 });
            await jest.advanceTimersByTimeAsync(0);
          };
        });
      cluster.monitor.presumeSystem('ours');
      await cluster.start();
    });

    it('stays up when it goes on before the primary is asked again', async () => {
      await jest.advanceTimersByTimeAsync(400);
      await answerAsPrimary(100n);
      one.at(150n, true);
      cluster.monitor.doubt('replica-1');
      await jest.advanceTimersByTimeAsync(0);
      expect(cluster.node('replica-1')).toMatchObject({ health: 'up', position: 150n, lagMs: 0 });
      expect(changes).toEqual(['replica-1 up', 'replica-2 up', 'primary up']);
    });

    it('serves, without having been down, once the primary was asked whether it may be that far', async () => {
      await jest.advanceTimersByTimeAsync(200);
      one.at(150n, true);
      cluster.monitor.doubt('replica-1');
      await jest.advanceTimersByTimeAsync(0);
      await answerAsPrimary(100n);
      // Its age is unknown, so it serves nobody.
      expect(cluster.node('replica-1').freshAsOfMs).toBeUndefined();
      expect(cluster.node('replica-2').freshAsOfMs).toBeDefined();
      cluster.primary.at(150n, false);
      await jest.advanceTimersByTimeAsync(50);
      expect(cluster.node('replica-1')).toMatchObject({ health: 'up', position: 150n, lagMs: 0 });
      expect(changes).toEqual(['replica-1 up', 'replica-2 up', 'primary up']);
    });

    it('leaves when the primary, asked once more, is not that far: it follows another one', async () => {
      await jest.advanceTimersByTimeAsync(200);
      one.at(150n, true);
      cluster.monitor.doubt('replica-1');
      await jest.advanceTimersByTimeAsync(0);
      await answerAsPrimary(100n);
      await second();
      expect(cluster.node('replica-1')).toMatchObject({
        health: 'down',
        problem: expect.stringMatching(/ahead of/),
      });
      expect(health('replica-2')).toBe('up');
    });
  });

  it('a replica that was ahead of the primary before the primary was asked follows another one', async () => {
    await cluster.start();
    one.at(300n, true);
    await second();
    await second();
    expect(cluster.node('replica-1')).toMatchObject({
      health: 'down',
      problem: expect.stringMatching(/ahead of/),
    });
    // One whose history parted stays where it is when the primary has passed it.
    cluster.primary.at(400n, false);
    await second();
    await second();
    expect(health('replica-1')).toBe('down');
    one.at(400n, true);
    await second();
    await second();
    expect(health('replica-1')).toBe('up');
  });

  it('a replica that receives from another one serves while that does, and not from one that does not answer', async () => {
    await cluster.start();
    one.follows(100n, 1, 'primary:5432');
    two.follows(100n, 1, 'replica-1:5432');
    await second();
    expect(health('replica-2')).toBe('up');
    one.fail();
    await second();
    await second();
    expect(cluster.node('replica-2').problem).toMatch(/cannot be told to follow the primary/);
    one.follows(100n, 1, 'primary:5432');
    await second();
    await second();
    expect(health('replica-2')).toBe('up');
  });

  it('a replica that joins is not believed before the primary has told that it may be there', async () => {
    await cluster.start();
    const probe = new ScriptedProbe(true, 200n);
    cluster.monitor.setReplicas([
      replicaNode('replica-1', one),
      replicaNode('replica-2', two),
      replicaNode('new', probe),
    ]);
    await jest.advanceTimersByTimeAsync(0);
    expect(health('new')).toBe('unknown');
    cluster.primary.at(210n, false);
    await second();
    expect(health('new')).toBe('up');
  });

  it('the primary was another server before where it ran beside that: histories part', async () => {
    await cluster.start();
    const changes: string[] = [];
    cluster.monitor.on('primary:changed', ({ because }) => changes.push(because));
    cluster.primary.becomes({ uptimeMs: 500 });
    await second();
    expect(changes).toEqual([]);
    cluster.primary.becomes({ uptimeMs: 3_600_000 });
    await second();
    expect(changes).toEqual(['another-server']);
    expect(health('replica-1')).toBe('down');
  });

  describe('two that were promoted apart, on one epoch', () => {
    let three: ScriptedProbe;

    beforeEach(async () => {
      await cluster.stop();
      cluster = new WatchedCluster(3);
      [one, two, three] = cluster.replicas as [ScriptedProbe, ScriptedProbe, ScriptedProbe];
      one.becomes({ ownAddress: '10.0.0.1:5432' });
      await cluster.start();
      cluster.primary.fail();
      one.at(120n, false, 2);
      await second();
      two.at(120n, false, 2);
      await second();
      expect(primary().name).toBe('replica-1');
      expect(cluster.node('replica-2').problem).toMatch(/fenced/);
    });

    /** Both the replica and the primary advance. */
    const goOn = async (sender: string | undefined): Promise<void> => {
      for (const position of [130n, 140n, 150n]) {
        one.at(position, false, 2);
        three.follows(position, 2, sender);
        await second();
        await second();
      }
    };

    it.each([
      ['from the fenced one', 'replica-2:5432'],
      ['from a server that nobody knows', '10.0.0.7:5432'],
      ['from one that it may not tell', undefined],
    ])('are not both followed: who receives %s serves nobody', async (_, sender) => {
      await goOn(sender);
      expect(health('replica-3')).toBe('down');
    });

    it.each([
      ['as the application calls it', 'REPLICA-1:5432'],
      ['as it calls itself', '10.0.0.1:5432'],
    ])('leave who receives from the accepted one %s, and goes on', async (_, sender) => {
      three.follows(120n, 2, sender);
      await second();
      expect(health('replica-3')).toBe('down');
      await goOn(sender);
      expect(health('replica-3')).toBe('up');
    });

    it('let nobody serve who receives from the accepted one and stays where it is', async () => {
      three.follows(125n, 2, 'replica-1:5432');
      one.at(200n, false, 2);
      for (let count = 0; count < 5; count++) await second();
      expect(health('replica-3')).toBe('down');
    });

    it('are one again when the fenced one follows', async () => {
      two.follows(120n, 2, 'replica-1:5432');
      three.follows(120n, 2, 'replica-1:5432');
      await second();
      await second();
      expect([health('replica-2'), health('replica-3')]).toEqual(['up', 'up']);
    });
  });
});
