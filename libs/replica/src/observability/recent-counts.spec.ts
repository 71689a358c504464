import { describe, expect, it } from '@jest/globals';
import { QueryPatterns } from './query-patterns.js';
import { RecentCounts } from './recent-counts.js';
import { RouteCounts } from './route-counts.js';

const MINUTE_MS = 60_000;

describe('the counts of the last minutes', () => {
  const counts = new RouteCounts();
  const patterns = new QueryPatterns({ patternOf: (text) => text, digestOf: (text) => text });
  const recent = new RecentCounts(counts, patterns, 0);
  let nowMs = 0;

  const read = (text: string, durationMs: number, role: 'primary' | 'replica' = 'replica'): void => {
    const reason = role === 'replica' ? 'session-free' : 'routing-disabled';
    const count = counts.of(role, role, 'read', reason);
    count.count++;
    count.totalMs += durationMs;
    patterns.of({ kind: 'read', origin: { text, pattern: undefined } }).add(role, reason, durationMs);
  };

  const pass = (minutes: number): void => {
    for (let second = 0; second < 60 * minutes; second++) recent.tick((nowMs += 1_000));
  };

  it('begin with the process', () => {
    for (let turn = 0; turn < 100; turn++) read('SELECT 1', 1);
    read('SELECT 2', 1);
    pass(2);
    const { forMs, routes, patterns: told } = recent.stats(nowMs);
    expect(forMs).toBe(2 * MINUTE_MS);
    expect(routes).toMatchObject([{ node: 'replica', count: 101, totalMs: 101 }]);
    expect(told).toMatchObject([
      { text: 'SELECT 1', count: 100 },
      { text: 'SELECT 2', count: 1 },
    ]);
  });

  it('forget what is older than five to six minutes: its reasons, its texts, its times', () => {
    pass(10);
    read('SELECT 1', 500, 'primary');
    pass(3);
    const { forMs, routes, patterns: told } = recent.stats(nowMs);
    expect(forMs).toBeGreaterThanOrEqual(5 * MINUTE_MS);
    expect(forMs).toBeLessThanOrEqual(6 * MINUTE_MS);
    expect(routes).toEqual([
      {
        node: 'primary',
        role: 'primary',
        kind: 'read',
        reason: 'routing-disabled',
        count: 1,
        failed: 0,
        totalMs: 500,
      },
    ]);
    expect(told).toMatchObject([
      { text: 'SELECT 1', count: 1, onReplicas: 0, reasons: { 'routing-disabled': 1 } },
    ]);
    expect(told[0]?.reasons).toEqual({ 'routing-disabled': 1 });
    expect(told[0]?.p50Ms).toBeCloseTo(500, -2);
    expect(patterns.list()[0]).toMatchObject({ count: 101, p50Ms: expect.closeTo(1, 0) });
  });

  it('have nothing when nothing happened', () => {
    pass(7);
    expect(recent.stats(nowMs)).toMatchObject({ routes: [], patterns: [] });
  });
});
