import { describe, expect, it } from '@jest/globals';
import { topologyOf } from '../../../../test/support/observability/measured-router.js';
import type { NodeStatus, TopologyStatus } from '../observability/node-status.js';
import {
  judgeReadiness,
  type Readiness,
  type ReadinessFacts,
  type ReadinessNeeds,
} from './judge-readiness.js';

type Nodes = Partial<Record<'primary' | 'replica-1' | 'replica-2', Partial<NodeStatus>>>;

const DOWN = { health: 'down' } as const;

function judge(nodes: Nodes, needs: ReadinessNeeds = {}, facts: Partial<ReadinessFacts> = {}): Readiness {
  const topology: TopologyStatus = topologyOf(nodes);
  return judgeReadiness({ topology, isWatched: true, isMonitorSilent: false, ...facts }, needs);
}

const CASES: readonly [string, Nodes, ReadinessNeeds, Readiness['status']][] = [
  ['all nodes answer', {}, {}, 'up'],
  ['all nodes answer, for writes', {}, { needs: 'write', minReplicas: 2 }, 'up'],
  ['a replica is away that nobody asked for', { 'replica-1': DOWN }, {}, 'up'],
  ['too few replicas answer', { 'replica-1': DOWN }, { minReplicas: 2 }, 'degraded'],
  ['enough replicas answer', { 'replica-1': DOWN }, { minReplicas: 1 }, 'up'],
  ['a replica is being drained', { 'replica-1': { isDraining: true } }, { minReplicas: 2 }, 'degraded'],
  ['a replica is too old', { 'replica-1': { isTooOld: true } }, { minReplicas: 2 }, 'degraded'],
  ['a replica lags too much', { 'replica-1': { lagMs: 41 } }, { minReplicas: 2, maxLagMs: 40 }, 'degraded'],
  [
    'a replica lags as much as it may',
    { 'replica-1': { lagMs: 40 } },
    { minReplicas: 2, maxLagMs: 40 },
    'up',
  ],
  [
    'the lag of a replica is not known',
    { 'replica-1': { lagMs: null } },
    { minReplicas: 2, maxLagMs: 40 },
    'degraded',
  ],
  ['no replica answers', { 'replica-1': DOWN, 'replica-2': DOWN }, {}, 'up'],
  [
    'no replica answers, but one has to',
    { 'replica-1': DOWN, 'replica-2': DOWN },
    { minReplicas: 1 },
    'degraded',
  ],
  ['the primary is away', { primary: DOWN }, {}, 'degraded'],
  ['the primary is away, for writes', { primary: DOWN }, { needs: 'write' }, 'down'],
  ['the primary was not probed yet', { primary: { health: 'unknown' } }, {}, 'degraded'],
  ['no node answers', { primary: DOWN, 'replica-1': DOWN, 'replica-2': { health: 'unknown' } }, {}, 'down'],
];

describe('judgeReadiness()', () => {
  it.each(CASES)('%s', (_, nodes, needs, status) => {
    const readiness = judge(nodes, needs);
    expect(readiness.status).toBe(status);
    expect(readiness.message === undefined).toBe(status === 'up');
  });

  it('counts the replicas that serve', () => {
    expect(judge({ 'replica-2': DOWN })).toMatchObject({ primary: 'up', replicas: 2, serving: 1 });
  });

  it('is down while the monitor is silent, whatever it said last', () => {
    expect(judge({}, {}, { isMonitorSilent: true }).status).toBe('down');
  });

  it('is down before the data source is initialized', () => {
    expect(judge({}, {}, { topology: undefined }).status).toBe('down');
  });

  it('is up without replicas, whom nobody watches, unless some are needed', () => {
    const alone = {
      topology: { ...topologyOf({ primary: { health: 'unknown' } }), replicas: [] },
      isWatched: false,
    };
    expect(judge({}, { needs: 'write' }, alone).status).toBe('up');
    expect(judge({}, { minReplicas: 1 }, alone).status).toBe('degraded');
  });

  it('names no address and no error', () => {
    const problem = 'password authentication failed for user "shop"';
    const text = JSON.stringify(judge({ primary: { ...DOWN, problem } }));
    expect(text).not.toMatch(/internal|5432|password/);
  });
});
