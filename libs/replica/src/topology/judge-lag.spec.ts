import { describe, expect, it } from '@jest/globals';
import { judgeLag } from './judge-lag.js';
import type { NodeSnapshot } from './topology.js';

const LIMITS = { warnLagMs: 5_000, maxLagMs: 10_000 };
const NOW = 100_000;

const replica = (known: Partial<NodeSnapshot>): NodeSnapshot => ({
  name: 'replica',
  role: 'replica',
  address: 'replica:5432',
  health: 'up',
  weight: 1,
  freshAsOfMs: NOW - 1_000,
  ...known,
});

describe('judgeLag', () => {
  it.each<[string, Partial<NodeSnapshot>, number | undefined, { isLagging: boolean; isTooOld: boolean }]>([
    ['below all limits', {}, 4_999, { isLagging: false, isTooOld: false }],
    ['at the first', {}, 5_000, { isLagging: true, isTooOld: false }],
    ['little below the first again', { isLagging: true }, 4_000, { isLagging: true, isTooOld: false }],
    ['well below the first again', { isLagging: true }, 3_999, { isLagging: false, isTooOld: false }],
    ['at the second', {}, 10_000, { isLagging: true, isTooOld: false }],
    ['above the second', {}, 10_001, { isLagging: true, isTooOld: true }],
    ['little below the second again', { isTooOld: true }, 8_001, { isLagging: true, isTooOld: true }],
    ['well below the second again', { isTooOld: true }, 8_000, { isLagging: true, isTooOld: false }],
    [
      'little below the second, when it had aged beyond it',
      { freshAsOfMs: NOW - 10_001 },
      9_000,
      { isLagging: true, isTooOld: true },
    ],
    [
      'none, when it had aged beyond the second: the primary was away',
      { freshAsOfMs: NOW - 60_000 },
      0,
      { isLagging: false, isTooOld: false },
    ],
    [
      'not known: as before',
      { isLagging: true, isTooOld: true },
      undefined,
      { isLagging: true, isTooOld: true },
    ],
    ['not known: as before', {}, undefined, { isLagging: false, isTooOld: false }],
  ])('finds a lag %s', (_, before, lagMs, expected) => {
    expect(judgeLag(replica(before), { lagMs, nowMs: NOW }, LIMITS)).toEqual(expected);
  });
});
