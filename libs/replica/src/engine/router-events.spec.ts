import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { replicaNode, WatchedCluster } from '../../../../test/support/topology/watched-cluster.js';
import { formatLsn } from '../postgres/positions.js';
import { logTopology } from './log-topology.js';
import { forwardTopologyEvents } from '../observability/router-events.js';

const second = (): Promise<void> => jest.advanceTimersByTimeAsync(1_000);

describe('what an application and its log are told of the topology', () => {
  let cluster: WatchedCluster;
  let events: [event: string, told: Record<string, unknown>][];
  let lines: string[];

  const write =
    (level: string) =>
    (line: string): void =>
      void lines.push(`${level}: ${line}`);

  beforeEach(async () => {
    jest.useFakeTimers();
    cluster = new WatchedCluster(2, { warnLagMs: 2_000 });
    events = [];
    lines = [];
    logTopology(cluster.monitor, { log: write('log'), warn: write('warn'), error: write('error') });
    forwardTopologyEvents(cluster.monitor, { formatPosition: formatLsn }, (event, ...args) =>
      events.push([event, JSON.parse(JSON.stringify(args[0])) as Record<string, unknown>]),
    );
    await cluster.start();
  });

  afterEach(async () => {
    await cluster.stop();
    jest.useRealTimers();
  });

  const last = (): [string, Record<string, unknown>] | undefined => events.at(-1);

  it('is a status of each node that comes up, in JSON, and one line for all', () => {
    expect(events.map(([event]) => event)).toEqual(['node:up', 'node:up', 'node:up']);
    expect(last()?.[1]).toEqual({
      node: {
        name: 'replica-2',
        role: 'replica',
        address: 'replica-2:5432',
        health: 'up',
        problem: null,
        position: '0/64',
        timeline: null,
        receiver: null,
        lagMs: 0,
        roundTripMs: 0,
        weight: 1,
        region: null,
        tags: {},
        isLagging: false,
        isTooOld: false,
        isDraining: false,
      },
    });
    expect(lines).toEqual([
      'log: the primary is primary (primary:5432); 2 of 2 replicas answer: replica-1 (replica-1:5432), replica-2 (replica-2:5432)',
    ]);
  });

  it('is why a node is down, and that it is back', async () => {
    cluster.monitor.suspect('replica-1', 'connect ECONNREFUSED');
    expect(last()).toEqual([
      'node:down',
      { node: expect.objectContaining({ health: 'down' }), problem: 'connect ECONNREFUSED' },
    ]);
    await jest.advanceTimersByTimeAsync(0);
    expect(last()?.[0]).toBe('node:up');
    expect(lines.slice(1)).toEqual([
      'warn: replica-1 (replica-1:5432) is out of rotation: connect ECONNREFUSED',
      'log: replica-1 (replica-1:5432) is back in rotation',
    ]);
  });

  it('is which nodes answer at the start, and why others do not', async () => {
    const starting = new WatchedCluster(2);
    starting.replicas[1]?.fail('password authentication failed');
    logTopology(starting.monitor, { log: write('log'), warn: write('warn'), error: write('error') });
    lines = [];
    await starting.start();
    await second();
    expect(lines).toEqual([
      'warn: replica-2 (replica-2:5432) is out of rotation: password authentication failed',
      'warn: the primary is primary (primary:5432); 1 of 2 replicas answer: replica-1 (replica-1:5432); out of rotation: replica-2 (replica-2:5432)',
    ]);
    await starting.stop();
  });

  it('is that a replica lags, and that it has caught up', async () => {
    cluster.primary.at(200n, false);
    cluster.replicas[1]?.at(200n, true);
    await jest.advanceTimersByTimeAsync(4_000);
    expect(last()).toEqual([
      'lag:high',
      { node: expect.objectContaining({ name: 'replica-1' }), lagMs: 2_000 },
    ]);
    cluster.replicas[0]?.at(200n, true);
    await second();
    expect(last()?.[0]).toBe('lag:ok');
    expect(lines.slice(1)).toEqual([
      'warn: replica-1 (replica-1:5432) lags 2000 ms: it gets half of its share of the reads',
      'log: replica-1 (replica-1:5432) has caught up: it lags 0 ms',
    ]);
  });

  it('is who is the primary now, and loudly that there are two', async () => {
    cluster.replicas[0]?.at(120n, false, 2);
    await second();
    await second();
    const kinds = events.slice(3).map(([event]) => event);
    expect(kinds).toEqual([
      'node:down',
      'node:down',
      'primary:changed',
      'topology:changed',
      'primary:conflict',
    ]);
    expect(events[5]?.[1]).toMatchObject({
      because: 'promotion',
      primary: { name: 'replica-1', timeline: 2 },
      before: { name: 'primary' },
    });
    expect(last()?.[1]).toMatchObject({
      node: { name: 'primary', health: 'down' },
      primary: { name: 'replica-1' },
      timeline: 1,
      primaryTimeline: 2,
    });
    expect(lines).toContain('warn: replica-1 (replica-1:5432) is the primary now');
    expect(lines.at(-1)).toMatch(/^error: TWO PRIMARIES: primary \(primary:5432\) accepts writes/);
  });

  it('is that another server answers at the address of the primary', async () => {
    cluster.primary.at(120n, false, 2);
    await second();
    expect(lines).toContain('warn: another server than before is the primary at primary (primary:5432)');
  });

  it('is which nodes come, go and drain', () => {
    cluster.monitor.setReplicas([replicaNode('replica-2'), replicaNode('replica-3')]);
    expect(last()).toEqual([
      'topology:changed',
      {
        topology: expect.objectContaining({ version: cluster.monitor.topology.version }),
        because: 'configuration',
        added: ['replica-3'],
        removed: ['replica-1'],
      },
    ]);
    cluster.monitor.setDraining('replica-2', true);
    cluster.monitor.setDraining('replica-2', false);
    cluster.monitor.setReplicas([replicaNode('replica-2'), replicaNode('replica-3')]);
    expect(lines.slice(1)).toEqual([
      'log: the nodes have changed: added replica-3, removed replica-1',
      'log: draining: replica-2',
      'log: draining: nobody',
    ]);
  });
});
