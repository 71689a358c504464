import { describe, expect, it } from '@jest/globals';
import { hashText, homeOf, preferredBy, UNKNOWN_HOME } from './rendezvous.js';

const NODES = ['replica-1', 'replica-2', 'replica-3'].map((name) => ({ name, weight: 1 }));
const KEYS = Array.from({ length: 30_000 }, (_, index) => hashText(`session-${index}`));
const FEWER_KEYS = KEYS.slice(0, 10_000);

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

  it('spreads sessions in proportion to the weights, within a twentieth', () => {
    const homes = [
      { name: 'small', weight: 1 },
      { name: 'large', weight: 3 },
    ];
    const share =
      FEWER_KEYS.filter((key) => preferredBy(key, homes).name === 'large').length / FEWER_KEYS.length;
    expect(share).toBeGreaterThan(0.75 * 0.95);
    expect(share).toBeLessThan(0.75 * 1.05);
  });

  it('moves sessions only to a node whose weight grows', () => {
    const lighter = NODES.map((node) => ({ ...node, weight: 2 }));
    const heavier = lighter.map((node, index) => (index === 0 ? { ...node, weight: 3 } : node));
    const moved = KEYS.slice(0, 3_000).filter(
      (key) => preferredBy(key, heavier).name !== preferredBy(key, lighter).name,
    );
    expect(new Set(moved.map((key) => preferredBy(key, heavier).name))).toEqual(new Set(['replica-1']));
  });

  it('ties each key to the same node in every process and version', () => {
    const homes = [...NODES, { name: 'large', weight: 2.5 }];
    expect(KEYS.slice(0, 12).map((key) => homeOf(key, { homes }))).toEqual([
      'replica-3',
      'large',
      'large',
      'large',
      'replica-3',
      'replica-3',
      'replica-2',
      'replica-3',
      'replica-3',
      'replica-2',
      'large',
      'large',
    ]);
  });

  it("makes a node of weight 0 nobody's home, but lets it be asked for", () => {
    const homes = [{ name: 'reports', weight: 0 }, ...NODES];
    for (const key of KEYS.slice(0, 1_000)) expect(homeOf(key, { homes })).toBe(preferredBy(key, NODES).name);
    expect(homeOf(1, { homes: homes.slice(0, 1) })).toBeUndefined();
    expect(preferredBy(1, homes.slice(0, 1)).name).toBe('reports');
  });

  it('does not know the home of sessions that have another one since the homes changed', () => {
    const homes = [...NODES, { name: 'replica-4', weight: 1 }];
    const counts = { same: 0, moved: 0 };
    for (const key of KEYS.slice(0, 4_000)) {
      const home = homeOf(key, { homes, formerHomes: [homes, NODES] });
      const isSame = preferredBy(key, NODES).name === preferredBy(key, homes).name;
      expect(home).toBe(isSame ? preferredBy(key, homes).name : UNKNOWN_HOME);
      counts[isSame ? 'same' : 'moved']++;
    }
    expect(counts.moved / 4_000).toBeCloseTo(1 / 4, 1);
    expect(homeOf(1, { homes, formerHomes: [] })).toBe(preferredBy(1, homes).name);
  });

  it('refuses an empty list', () => {
    expect(() => preferredBy(1, [])).toThrow(RangeError);
  });
});
