import { describe, expect, it } from '@jest/globals';
import { fallbacksOf, RouteCounts } from './route-counts.js';

describe('the counts of routes', () => {
  it('tell apart nodes, roles, kinds and reasons', () => {
    const counts = new RouteCounts();
    const add = (...key: Parameters<RouteCounts['of']>): void => void counts.of(...key).count++;
    add('a', 'primary', 'read', 'own-write');
    add('a', 'replica', 'read', 'own-write-replayed');
    add('a', 'primary', 'write', 'write');
    add('a', 'primary', 'write', 'write');
    add(null, null, 'read', 'no-eligible-replica');
    expect(
      counts.routes().map(({ node, role, kind, reason, count }) => [node, role, kind, reason, count]),
    ).toEqual([
      ['a', 'primary', 'read', 'own-write', 1],
      ['a', 'primary', 'write', 'write', 2],
      ['a', 'replica', 'read', 'own-write-replayed', 1],
      [null, null, 'read', 'no-eligible-replica', 1],
    ]);
  });

  it('count as fallbacks the reads that the primary answered in place of replicas', () => {
    const counts = new RouteCounts();
    const fallback = counts.of('a', 'primary', 'read', 'no-eligible-replica');
    fallback.count = 5;
    fallback.failed = 2;
    counts.of('a', 'primary', 'read', 'replica-failed').count = 3;
    counts.of('a', 'primary', 'read', 'session-ahead').count = 7;
    counts.of(null, null, 'read', 'no-eligible-replica').count = 9;
    expect(fallbacksOf(counts.routes())).toBe(6);
  });

  it('stay bounded, whatever nodes a discovery finds', () => {
    const counts = new RouteCounts();
    for (let index = 0; index < 3_000; index++) {
      counts.of(`node-${index}`, 'replica', 'read', 'eventual').count++;
      counts.retried(`node-${index}`, 'ECONNRESET');
    }
    counts.retried('node-2999', 'ECONNRESET');
    expect(counts.routes()).toHaveLength(500);
    expect(counts.retries()).toHaveLength(1_000);
    expect(counts.retries().at(-1)).toEqual({ node: 'node-2999', code: 'ECONNRESET', count: 2 });
  });
});
