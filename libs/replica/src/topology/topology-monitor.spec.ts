import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { ScriptedProbe } from '../../../../test/support/topology/scripted-probe.js';
import { POSTGRES_TERMS } from '../postgres/terms.js';
import type { ProbeResult } from './node-probe.js';
import { stalenessMs } from './topology.js';
import { TopologyMonitor } from './topology-monitor.js';

const SETTINGS = {
  intervalMs: 1_000,
  probeTimeoutMs: 500,
  catchUpIntervalMs: 20,
  suspectIntervalMs: 100,
  maxIntervalMs: 8_000,
  flapWindowMs: 30_000,
  warnLagMs: 5_000,
  maxLagMs: 10_000,
  homesKeptMs: 30_000,
  terms: POSTGRES_TERMS,
};

describe('TopologyMonitor', () => {
  let primary: ScriptedProbe;
  let replica: ScriptedProbe;
  let monitor: TopologyMonitor;
  let changes: string[];

  beforeEach(async () => {
    jest.useFakeTimers();
    primary = new ScriptedProbe(false, 100n);
    replica = new ScriptedProbe(true, 100n);
    monitor = new TopologyMonitor(
      [
        { name: 'primary', role: 'primary', address: 'p:5432', weight: 1, probe: primary },
        { name: 'replica', role: 'replica', address: 'r:5432', weight: 1, probe: replica },
      ],
      SETTINGS,
      { nowMs: () => performance.now(), random: () => 0.5 },
    );
    changes = [];
    for (const event of ['node:up', 'node:down'] as const)
      monitor.on(event, ({ node, before }) => changes.push(`${node.name}: ${before} -> ${node.health}`));
    monitor.start();
    await jest.advanceTimersByTimeAsync(0);
  });

  afterEach(async () => {
    const stopped = monitor.stop();
    await jest.advanceTimersByTimeAsync(0);
    await stopped;
    expect(jest.getTimerCount()).toBe(0);
    jest.useRealTimers();
  });

  const nodeOf = (): (typeof monitor.topology.replicas)[0] => monitor.topology.replicas[0] as never;

  it('finds both nodes up, the replica without lag', () => {
    expect(monitor.topology.primary).toMatchObject({ health: 'up', position: 100n });
    expect(nodeOf()).toMatchObject({ health: 'up', position: 100n, lagMs: 0 });
    expect(changes).toEqual(['primary: unknown -> up', 'replica: unknown -> up']);
  });

  it('replaces the topology whole, with a higher version', async () => {
    const before = monitor.topology;
    await jest.advanceTimersByTimeAsync(1_000);
    expect(monitor.topology).not.toBe(before);
    expect(monitor.topology.version).toBeGreaterThan(before.version);
  });

  it('lets lag grow while the replica stands still, and not while the primary is idle', async () => {
    await jest.advanceTimersByTimeAsync(5_000);
    expect(nodeOf().lagMs).toBe(0);
    primary.at(200n, false);
    await jest.advanceTimersByTimeAsync(4_000);
    expect(nodeOf().lagMs).toBeGreaterThanOrEqual(3_000);
    expect(nodeOf().lagMs).toBeLessThanOrEqual(5_000);
    replica.at(200n, true);
    await jest.advanceTimersByTimeAsync(1_000);
    expect(nodeOf().lagMs).toBe(0);
  });

  it('lets staleness grow while nothing answers', async () => {
    const fresh = stalenessMs(nodeOf(), performance.now());
    primary.answer = () => Promise.reject(new Error('gone'));
    await jest.advanceTimersByTimeAsync(7_000);
    expect(stalenessMs(nodeOf(), performance.now())).toBeGreaterThanOrEqual(fresh + 7_000);
  });

  it.each<[string, (probe: ScriptedProbe) => void, string]>([
    ['fails', (probe) => (probe.answer = () => Promise.reject(new Error('refused'))), 'refused'],
    ['tells no position', (probe) => probe.at(undefined, true), 'it told no position'],
    [
      'turns out to accept writes',
      (probe) => probe.at(500n, false),
      'it accepts writes on timeline 1 although primary is the primary on timeline 1',
    ],
  ])('takes a replica down that %s, and up again when it answers', async (_, spoil, problem) => {
    spoil(replica);
    await jest.advanceTimersByTimeAsync(1_000);
    expect(nodeOf()).toMatchObject({ health: 'down', problem: expect.stringContaining(problem) });
    replica.at(100n, true);
    await jest.advanceTimersByTimeAsync(1_000);
    expect(nodeOf()).toMatchObject({ health: 'up' });
    expect(nodeOf().problem).toBeUndefined();
  });

  it('takes a primary down that is in recovery, and captures no position from it', async () => {
    primary.at(100n, true);
    await expect(monitor.capturePosition('primary')).rejects.toThrow('in recovery');
    expect(monitor.topology.primary).toMatchObject({ health: 'down' });
  });

  it('captures the position of a primary that has just become read-only: it has all that it showed', async () => {
    const refusing: ProbeResult = { isReadOnly: true, position: 120n, epoch: 1 };
    primary.answer = () => Promise.resolve(refusing);
    await expect(monitor.capturePosition('primary')).resolves.toBe(120n);
    expect(monitor.topology.primary).toMatchObject({ health: 'down' });
    primary.answer = () => Promise.resolve({ ...refusing, epoch: 2 });
    await expect(monitor.capturePosition('primary')).rejects.toThrow('in recovery');
    primary.answer = () => Promise.resolve(refusing);
    primary.becomes();
    await expect(monitor.capturePosition('primary')).rejects.toThrow('in recovery');
  });

  it('does not believe a probe that was under way when a statement lost its connection', async () => {
    const answers: ((result: ProbeResult) => void)[] = [];
    const well: ProbeResult = { isReadOnly: true, position: 100n, epoch: undefined };
    replica.answer = () => new Promise((resolve) => answers.push(resolve));
    await jest.advanceTimersByTimeAsync(1_000);
    monitor.suspect('replica', 'connection lost');
    expect(nodeOf()).toMatchObject({ health: 'down', problem: 'connection lost' });
    answers[0]?.(well);
    await jest.advanceTimersByTimeAsync(0);
    expect(answers).toHaveLength(2);
    expect(nodeOf().health).toBe('down');
    answers[1]?.(well);
    await jest.advanceTimersByTimeAsync(0);
    expect(nodeOf().health).toBe('up');
    replica.at(100n, true);
  });

  it('believes no probe that ends after it has stopped', async () => {
    let answer: (result: ProbeResult) => void = () => undefined;
    replica.answer = () => new Promise((resolve) => (answer = resolve));
    await jest.advanceTimersByTimeAsync(1_000);
    const { topology } = monitor;
    const stopped = monitor.stop();
    answer({ isReadOnly: true, position: 500n, epoch: undefined });
    await stopped;
    expect(monitor.topology).toBe(topology);
  });

  it('probes a replica more often while a session waits for it, and slows down again', async () => {
    primary.at(200n, false);
    await monitor.capturePosition('primary');
    const before = replica.probes;
    monitor.expect(200n);
    await jest.advanceTimersByTimeAsync(200);
    const hurried = replica.probes - before;
    expect(hurried).toBeGreaterThanOrEqual(4);
    expect(hurried).toBeLessThanOrEqual(11);
    replica.at(200n, true);
    await jest.advanceTimersByTimeAsync(200);
    const caughtUp = replica.probes;
    await jest.advanceTimersByTimeAsync(900);
    expect(replica.probes - caughtUp).toBeLessThanOrEqual(1);
  });

  it('wakes who waits for a position as soon as a replica has it', async () => {
    const waited = monitor.waitForReplica(150n, 10_000);
    replica.at(150n, true);
    await jest.advanceTimersByTimeAsync(30);
    await waited;
    expect(nodeOf().position).toBe(150n);
  });

  it('waits no longer than asked', async () => {
    let isOver = false;
    const waited = monitor.waitForReplica(150n, 300).then(() => (isOver = true));
    await jest.advanceTimersByTimeAsync(299);
    expect(isOver).toBe(false);
    await jest.advanceTimersByTimeAsync(1);
    await waited;
  });

  it('lets a replica that went back serve only when it is where it was', async () => {
    replica.at(50n, true);
    await jest.advanceTimersByTimeAsync(1_000);
    expect(nodeOf()).toMatchObject({ health: 'down', problem: expect.stringContaining('it went back') });
    replica.at(100n, true);
    await jest.advanceTimersByTimeAsync(1_000);
    expect(nodeOf()).toMatchObject({ health: 'up', position: 100n });
  });

  it('follows a promotion, and fences the old primary until it follows and has passed it', async () => {
    const promoted: string[] = [];
    monitor.on('primary:changed', ({ primary: { name } }) => promoted.push(name));
    primary.answer = () => Promise.reject(new Error('gone'));
    replica.at(120n, false, 2);
    await jest.advanceTimersByTimeAsync(1_000);
    expect(promoted).toEqual(['replica']);
    expect(monitor.topology.primary).toMatchObject({ name: 'replica', role: 'primary', health: 'up' });
    expect(nodeOf()).toMatchObject({ name: 'primary', role: 'replica', health: 'down' });
    primary.at(130n, false, 1);
    await jest.advanceTimersByTimeAsync(1_000);
    expect(nodeOf()).toMatchObject({
      health: 'down',
      problem: expect.stringContaining('fenced until it follows'),
    });
    primary.at(120n, true);
    await jest.advanceTimersByTimeAsync(1_000);
    expect(nodeOf().health).toBe('down');
    replica.at(140n, false, 2);
    primary.at(140n, true);
    await jest.advanceTimersByTimeAsync(1_000);
    expect(nodeOf()).toMatchObject({ name: 'primary', health: 'up', position: 140n });
  });

  it('closes its probes', async () => {
    const stopped = monitor.stop();
    await jest.advanceTimersByTimeAsync(0);
    await stopped;
    expect([primary.isClosed, replica.isClosed]).toEqual([true, true]);
  });
});
