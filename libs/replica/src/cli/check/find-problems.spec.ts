import { describe, expect, it } from '@jest/globals';
import type { CheckedNode, CheckThresholds } from './check-report.js';
import { findProblems } from './find-problems.js';
import type { NodeFacts } from './node-facts.js';
import type { ObservedCluster, ObservedNode } from './observed-cluster.js';
import { nagiosReport } from './show-report.js';

const THRESHOLDS: CheckThresholds = {
  warnLagMs: 5_000,
  critLagMs: 30_000,
  minReplicas: 1,
  othersMayBeAway: false,
};

const FACTS: NodeFacts = {
  version: '18.0',
  nowMs: 0,
  replayedAtMs: null,
  ownLagMs: null,
  pausedUntil: null,
  replayWaitsFor: null,
  lockHolder: null,
  syncState: null,
  connections: { used: 1, max: 97, limitedBy: 'max_connections' },
  missingRights: [],
  settings: {},
  hints: [],
  followers: [],
  names: [],
  host: null,
};

function node(
  name: string,
  checked: Partial<CheckedNode> = {},
  facts: Partial<NodeFacts> = {},
): ObservedNode {
  return {
    facts: { ...FACTS, ...facts },
    checked: {
      name,
      role: 'replica',
      address: `${name}:5432`,
      health: 'up',
      problem: null,
      position: '0/1',
      timeline: 1,
      receiver: 'streaming',
      roundTripMs: 1,
      serves: true,
      syncState: 'async',
      lagMs: 0,
      lagIs: 'measured',
      lagBytes: 0,
      lagTransactions: null,
      version: '18.0',
      connections: { used: 1, max: 97, limitedBy: 'max_connections', needed: 11 },
      settings: {},
      ...checked,
    },
  };
}

const primary = (checked: Partial<CheckedNode> = {}, facts: Partial<NodeFacts> = {}): ObservedNode =>
  node('primary', { role: 'primary', receiver: null, lagMs: null, lagIs: null, ...checked }, facts);

const cluster = (...replicas: ObservedNode[]): ObservedCluster => ({
  primary: primary(),
  replicas,
  strangers: 0,
});

const problems = (observed: ObservedCluster, thresholds: Partial<CheckThresholds> = {}): string[] =>
  findProblems(observed, { ...THRESHOLDS, ...thresholds }).map(
    ({ level, node: name, message }) => `${level} ${name}: ${message}`,
  );

describe('findProblems', () => {
  it('finds nothing where all is well', () => {
    expect(problems(cluster(node('r1'), node('r2')))).toEqual([]);
  });

  it.each<[string, ObservedNode, string]>([
    [
      'does not answer',
      node('r1', { health: 'down', problem: 'connect ECONNREFUSED', serves: true }),
      'critical r1: connect ECONNREFUSED',
    ],
    ['waits for a read for a moment', node('r1', {}, { replayWaitsFor: { pid: 7, openMs: 900 } }), ''],
    ['lags', node('r1', { lagMs: 5_000 }), 'warning r1: it lags 5 s (--warn-lag 5 s)'],
    [
      'lags much',
      node('r1', { lagMs: 30_000, lagIs: 'estimated' }),
      'critical r1: it lags about 30 s (--crit-lag 30 s)',
    ],
    [
      'receives nothing',
      node('r1', { receiver: 'none' }),
      'critical r1: it receives nothing: it has no receiver',
    ],
    [
      'has stopped replaying',
      node('r1', { receiver: 'receives: Yes, replays: No' }),
      'critical r1: its receiver: receives: Yes, replays: No',
    ],
    [
      'follows an older timeline',
      node('r1', { timeline: 2 }),
      'warning r1: it follows timeline 2, and the primary writes on 1',
    ],
    ['is of unknown lag', node('r1', { lagMs: null, lagIs: null }), 'warning r1: its lag is unknown'],
    ['was paused', node('r1', {}, { pausedUntil: 'RESUME' }), 'warning r1: somebody has paused its replay'],
    [
      'hides something',
      node('r1', {}, { missingRights: [{ effect: 'it is not visible', remedy: 'GRANT' }] }),
      'warning r1: a right is missing: it is not visible',
    ],
    [
      'allows too few connections',
      node('r1', { connections: { used: 1, max: 97, limitedBy: 'max_connections', needed: 110 } }),
      'warning r1: the application may open 110 connections, and 97 are allowed (max_connections)',
    ],
    ['has a hint', node('r1', {}, { hints: ['think'] }), 'hint r1: think'],
  ])('tells that a replica %s', (_, replica, problem) => {
    expect(problems(cluster(replica))).toEqual(problem === '' ? [] : [problem]);
  });

  it('tells for whom the replay of a replica waits that lags', () => {
    const waits = node('r1', { lagMs: 40_000 }, { replayWaitsFor: { pid: 7, openMs: 41_000 } });
    expect(problems(cluster(waits))).toEqual([
      'critical r1: its replay waits for a transaction that has been open there for 41 s (process 7)',
      'critical r1: it lags 40 s (--crit-lag 30 s)',
    ]);
  });

  it('tells for whose locks others wait on the primary', () => {
    const lockHolder = { pid: 9, openMs: 41_000, state: 'idle in transaction', waiting: 10 };
    const busy = cluster(node('r1'));
    const locked = { ...busy, primary: node('primary', { role: 'primary' }, { lockHolder }) };
    expect(problems(locked)).toEqual([
      'warning primary: 10 connections wait for locks of a transaction that has been open for 41 s (process 9, idle in transaction)',
    ]);
    const moment = { ...lockHolder, openMs: 900 };
    expect(problems({ ...busy, primary: node('primary', {}, { lockHolder: moment }) })).toEqual([]);
  });

  it('tells first that a replica was paused which lags much', () => {
    expect(problems(cluster(node('r1', { lagMs: 40_000 }, { pausedUntil: 'RESUME' })))).toEqual([
      'critical r1: somebody has paused its replay',
      'critical r1: it lags 40 s (--crit-lag 30 s)',
    ]);
  });

  it('wants as many replicas as were asked for', () => {
    const one = cluster(node('r1'), node('r2', { serves: false, lagMs: 40_000 }));
    expect(problems(one)).toHaveLength(1);
    expect(problems(one, { minReplicas: 2 })).toContain(
      'critical null: 1 of 2 replicas serve, and there have to be 2 (--min-replicas)',
    );
    expect(problems(cluster())).toHaveLength(1);
    expect(problems(cluster(), { minReplicas: 0 })).toEqual([]);
  });

  it('lets others be away if as many serve as were asked for', () => {
    const away = node('r2', { health: 'down', problem: 'connect ECONNREFUSED', serves: false });
    const cut = node('r3', { receiver: 'none', serves: false });
    const some = cluster(node('r1'), away, cut, node('r4', { serves: false, lagMs: 30_000 }));
    const levels = (thresholds: Partial<CheckThresholds>): (string | undefined)[] =>
      problems(some, thresholds).map((problem) => problem.split(':')[0]);
    expect(levels({})).toEqual(['critical r2', 'critical r3', 'critical r4']);
    expect(levels({ othersMayBeAway: true })).toEqual(['critical r4', 'warning r2', 'warning r3']);
    expect(levels({ othersMayBeAway: true, minReplicas: 2 })).toHaveLength(4);
    expect(levels({ othersMayBeAway: true, minReplicas: 2 })).toContain('critical r2');
    const alone = { ...some, primary: primary({ health: 'down', problem: 'gone' }) };
    expect(problems(alone, { othersMayBeAway: true })).toContain('critical primary: gone');
  });

  it('tells that commits wait for nobody, but not if that is hidden', () => {
    const settings = { synchronous_standby_names: 'FIRST 1 (r1)' };
    const waiting = { ...cluster(node('r1')), primary: primary({}, { settings }) };
    expect(problems(waiting)).toEqual([
      expect.stringMatching(/^critical primary: commits wait for a synchronous/),
    ]);
    expect(problems({ ...waiting, replicas: [node('r1', { syncState: 'quorum' })] })).toEqual([]);
    const hidden = primary({}, { settings, missingRights: [{ effect: 'x', remedy: 'y' }] });
    expect(problems({ ...waiting, primary: hidden })).toEqual(['warning primary: a right is missing: x']);
  });
});

describe('nagiosReport', () => {
  it('has performance data behind the only bar of the first line', () => {
    const { checked } = node('r-1', { lagMs: 40, lagBytes: 512 });
    const report = nagiosReport({
      status: 'critical',
      exitCode: 2,
      summary: 'something | else\nbroke',
      thresholds: THRESHOLDS,
      primary: primary().checked,
      replicas: [
        checked,
        node('r-2', { serves: false, lagMs: null, lagBytes: null, lagTransactions: 3 }).checked,
      ],
      findings: [{ level: 'critical', node: 'r-2', message: 'a | b', remedy: 'mend it' }],
    });
    expect(report).toBe(
      "REPLICATION CRITICAL - something / else broke | 'lag_r-1'=0.04s;5;30;0 'bytes_r-1'=512B;;;0 'transactions_r-2'=3;;;0 'replicas'=1;;1:;0\n" +
        'critical: r-2: a / b; mend it\n',
    );
  });
});
