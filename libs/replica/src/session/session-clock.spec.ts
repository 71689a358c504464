import { beforeEach, describe, expect, it } from '@jest/globals';
import { SessionClock } from './session-clock.js';

const KEPT_MS = 30_000;
const START_MS = 1_000_000;

describe('SessionClock', () => {
  let monotonic: number;
  let ahead: number;
  let clock: SessionClock;
  const times = (): number[] => [clock.earliestMs() - START_MS, clock.latestMs() - START_MS];

  beforeEach(() => {
    monotonic = 500;
    ahead = START_MS - 500;
    clock = new SessionClock({
      keptMs: KEPT_MS,
      wallMs: () => Math.floor(monotonic + ahead),
      monotonicMs: () => monotonic,
    });
  });

  it('tells one time while the clocks go alike, also where one is slewed', () => {
    for (let second = 0; second < 100; second++) {
      monotonic += 1_000;
      ahead += 3;
      expect(clock.hasStepped).toBe(false);
      expect(clock.earliestMs()).toBe(clock.latestMs());
    }
    expect(times()[0]).toBeCloseTo(100_300, -1);
  });

  it.each([
    [31_000, [5_000, 36_000]],
    [-31_000, [-26_000, 5_000]],
  ])('counts both times after a step by %s ms, for as long as sessions are remembered', (step, both) => {
    monotonic += 5_000;
    ahead += step;
    expect(times()).toEqual(both);
    expect(clock.hasStepped).toBe(true);
    monotonic += KEPT_MS;
    expect(times()).toEqual(both.map((ms) => ms + KEPT_MS));
    monotonic += 1;
    expect(clock.hasStepped).toBe(false);
    expect(times()).toEqual([5_001 + step + KEPT_MS, 5_001 + step + KEPT_MS]);
  });

  it('notices a step that happened while nobody asked', () => {
    monotonic += 10 * KEPT_MS;
    ahead += 60_000;
    expect(clock.latestMs() - clock.earliestMs()).toBe(60_000);
  });

  it('counts the earliest and the latest of several steps', () => {
    for (const step of [10_000, -25_000, 40_000]) {
      monotonic += 1_000;
      ahead += step;
      expect(clock.hasStepped).toBe(true);
    }
    expect(times()).toEqual([3_000 - 15_000, 3_000 + 25_000]);
  });
});
