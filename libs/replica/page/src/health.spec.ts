import { describe, expect, it } from '@jest/globals';
import type { DataSourceState, HistoryPoint } from '../../src/dashboard/dashboard-state.js';
import type { NodeStatus } from '../../src/observability/node-status.js';
import { bytesBehind, healthOf, meanReadMs, sharesOf } from './health.js';

const node = (name: string, changes: Partial<NodeStatus> = {}): NodeStatus =>
  ({ name, role: 'replica', health: 'up', lagMs: 40, position: '0/10', ...changes }) as NodeStatus;

const primary = (changes: Partial<NodeStatus> = {}): NodeStatus =>
  node('primary', { role: 'primary', ...changes });

const source = (
  replicas: readonly NodeStatus[] = [node('replica-1'), node('replica-2')],
  changes: object = {},
): DataSourceState =>
  ({
    isEnabled: true,
    topology: { version: 1, primary: primary(), replicas },
    catalog: { isLoaded: true, keepsAllOnPrimary: [] },
    stats: { pools: [{ node: 'primary', used: 10, max: 10, waiting: 9 }] },
    recent: {
      forMs: 300_000,
      routes: [
        { kind: 'read', count: 95 },
        { kind: 'unknown', count: 5 },
      ],
      patterns: [],
    },
    ...changes,
  }) as unknown as DataSourceState;

const point = (reads: Record<string, number>): HistoryPoint => ({
  atMs: 0,
  nodes: Object.fromEntries(Object.entries(reads).map(([name, count]) => [name, { lagMs: 0, reads: count }])),
});

const RECENT = [point({ primary: 3, 'replica-1': 50, 'replica-2': 47 })];

const said = (state: DataSourceState, recent = RECENT): string => {
  const { level, verdict, facts } = healthOf(state, recent);
  return `${level}: ${verdict} ${facts}`;
};

describe('the health in one sentence', () => {
  it.each([
    [source(), 'good: Healthy. 97% of reads on replicas, 2 of 2 serving, lag 40 ms.'],
    [
      source([node('replica-1'), node('replica-2', { health: 'down' })]),
      'warning: Degraded. replica-2 is down. 97% of reads on replicas, 1 of 2 serving, lag 40 ms.',
    ],
    [
      source([node('replica-1', { isLagging: true, lagMs: 3_000 })]),
      'warning: Degraded. replica-1 is lagging (3 s behind). 97% of reads on replicas, 1 of 1 serving, lag 3 s.',
    ],
    [
      source([node('replica-1', { isTooOld: true, lagMs: 17_600 }), node('replica-2', { isDraining: true })]),
      'bad: No replica serves. replica-1 is too old (17.6 s behind) and replica-2 is draining. 97% of reads on replicas, 0 of 2 serving.',
    ],
    [source([]), 'warning: There is no replica. Everything goes to the primary.'],
    [source(undefined, { isEnabled: false }), 'warning: Routing is off. Everything goes to the primary.'],
    [source(undefined, { topology: null }), 'bad: Not connected. The data source is not initialized.'],
    [
      source(undefined, {
        topology: { primary: primary({ health: 'down' }), replicas: [node('replica-1')] },
      }),
      'bad: The primary is down. Nobody can write. 97% of reads on replicas, 1 of 1 serving, lag 40 ms.',
    ],
    [
      source(undefined, {
        catalog: { isLoaded: true, keepsAllOnPrimary: ['cast (text as integer) with to_int'] },
      }),
      'bad: All reads stay on the primary. The database has a conversion or comparison that may write: cast (text as integer) with to_int.',
    ],
    [
      source(undefined, { catalog: { isLoaded: false, keepsAllOnPrimary: [] } }),
      'warning: Reads stay on the primary. The database’s functions are not known yet.',
    ],
    [
      source(undefined, {
        recent: {
          routes: [
            { kind: 'read', count: 31 },
            { kind: 'unknown', count: 69 },
          ],
        },
      }),
      'warning: Much stays on the primary. Nobody can tell whether they only read: 69% of the statements that are no known writes. 97% of reads on replicas, 2 of 2 serving, lag 40 ms.',
    ],
    [
      source(undefined, { stats: { pools: [{ node: 'primary', used: 10, max: 10, waiting: 40 }] } }),
      'warning: Callers wait for connections. 40 of them to primary, which has 10 of 10 in use. 97% of reads on replicas, 2 of 2 serving, lag 40 ms.',
    ],
  ])('%#: %s', (state, sentence) => {
    expect(said(state)).toBe(sentence);
  });

  it('says that nobody read', () => {
    expect(said(source(), [])).toBe('good: Healthy. No reads in the last minute, 2 of 2 serving, lag 40 ms.');
  });
});

describe('the shares of nodes', () => {
  it('are of all reads, or none if nobody read', () => {
    expect([...sharesOf([...RECENT, ...RECENT])]).toEqual([
      ['primary', 0.03],
      ['replica-1', 0.5],
      ['replica-2', 0.47],
    ]);
    expect(sharesOf([point({ primary: 0 })]).size).toBe(0);
  });
});

describe('the time that reads took', () => {
  it('is an average of the reads of a node', () => {
    const route = { node: 'r', role: 'replica', kind: 'read', failed: 0 } as const;
    const routes = [
      { ...route, reason: 'session-free', count: 3, totalMs: 3 },
      { ...route, reason: 'eventual', count: 1, totalMs: 9 },
      { ...route, reason: 'write', kind: 'write', count: 5, totalMs: 500 },
      { ...route, reason: 'eventual', node: 'other', count: 5, totalMs: 500 },
    ] as const;
    expect(meanReadMs(routes, 'r')).toBe(3);
    expect(meanReadMs(routes, 'primary')).toBeNull();
  });
});

describe('the bytes that a replica has not replayed', () => {
  it.each([
    ['16/B374D848', '16/B374D000', 0x848],
    ['1/0', '0/FFFFFFFF', 1],
    ['0/10', '0/20', 0],
    ['0/10', null, null],
    ['0-1-42', '0-1-40', null],
  ])('from %s to %s are %s', (ahead, behind, expected) => {
    expect(bytesBehind(primary({ position: ahead }), node('replica-1', { position: behind }))).toBe(expected);
  });

  it('are unknown while it is down', () => {
    expect(bytesBehind(primary(), node('replica-1', { health: 'down' }))).toBeNull();
  });
});
