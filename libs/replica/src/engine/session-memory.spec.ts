import { describe, expect, it } from '@jest/globals';
import { sessionMemory } from './session-memory.js';

const options = { maxLagMs: 10_000, minServing: 0, hardMaxLagMs: 29_000 };
const monitor = { intervalMs: 1_000 };

describe('the memory of sessions', () => {
  it.each([
    ['is renewed at half time', { ...options, session: { ttlMs: 30_000 } }, 15_000, 14_000],
    [
      'is renewed earlier where replicas may lag long',
      { ...options, session: { ttlMs: 16_000 } },
      5_000,
      10_000,
    ],
    [
      'is renewed at each read where it lasts no longer than they may lag',
      { ...options, session: { ttlMs: 11_000 } },
      0,
      10_000,
    ],
    [
      'counts with replicas that serve though they lag more',
      { ...options, minServing: 1, hardMaxLagMs: 20_000, session: { ttlMs: 30_000 } },
      9_000,
      20_000,
    ],
  ])('%s', (_, given, renoteAfterMs, rememberedMs) => {
    expect(sessionMemory({ ...given, monitor })).toEqual({ renoteAfterMs, rememberedMs });
  });
});
