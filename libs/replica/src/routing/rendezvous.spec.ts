import { describe, expect, it } from '@jest/globals';
import { hashText, preferredBy } from './rendezvous.js';

const NODES = ['replica-1', 'replica-2', 'replica-3'].map((name) => ({ name, weight: 1 }));
const KEYS = Array.from({ length: 30_000 }, (_, index) => hashText(`session-${index}`));

describe('rendezvous hashing', () => {
  it('spreads sessions evenly, within a twentieth', () => {
    const counts = new Map<string, number>();
    for (const key of KEYS) {
      const { name } = preferredBy(key, NODES);
      counts.set(name, (counts.get(name) ?? 0) + 1);
    }
    for (const { name } of NODES) {
      expect(counts.get(name)).toBeGreaterThan(9_500);
      expect(counts.get(name)).toBeLessThan(10_500);
    }
  });

  it('moves only the sessions of a node that leaves', () => {
    const [first, ...others] = NODES;
    let moved = 0;
    for (const key of KEYS) {
      const before = preferredBy(key, NODES);
      if (before !== first && preferredBy(key, others) !== before) moved++;
    }
    expect(moved).toBe(0);
  });

  it('does not depend on the order of the nodes', () => {
    const reversed = NODES.toReversed();
    for (const key of KEYS.slice(0, 1_000)) expect(preferredBy(key, reversed)).toBe(preferredBy(key, NODES));
  });

  it('refuses an empty list', () => {
    expect(() => preferredBy(1, [])).toThrow(RangeError);
  });
});
