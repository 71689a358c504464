import { beforeEach, describe, expect, it } from '@jest/globals';
import { NodeStanding } from './node-standing.js';

describe('NodeStanding', () => {
  let nowMs: number;
  let chance: number;
  let standing: NodeStanding;

  beforeEach(() => {
    nowMs = 1_000;
    chance = 0.5;
    standing = new NodeStanding(
      { intervalMs: 1_000, flapWindowMs: 30_000 },
      { nowMs: () => nowMs, random: () => chance },
    );
  });

  /** Takes the node down, and up again as soon as it may. Returns how long its trial was. */
  const fallAndReturn = (): number => {
    standing.wentDown();
    const beganMs = nowMs;
    for (let leftMs = standing.trialMs(); leftMs > 0; leftMs = standing.trialMs()) nowMs += leftMs;
    standing.returned();
    return nowMs - beganMs;
  };

  it('lets a node return at once that goes down now and then', () => {
    for (let round = 0; round < 5; round++) {
      expect(fallAndReturn()).toBe(0);
      nowMs += 30_000;
    }
  });

  it('lets one that goes down soon after its return come back later each time, up to a limit', () => {
    const trials = Array.from({ length: 8 }, () => {
      nowMs += 5_000;
      return fallAndReturn();
    });
    expect(trials).toEqual([0, 1_000, 2_000, 4_000, 8_000, 16_000, 30_000, 30_000]);
  });

  it('spreads the returns of many processes', () => {
    fallAndReturn();
    chance = 0;
    expect(fallAndReturn()).toBe(750);
    chance = 1;
    expect(fallAndReturn()).toBe(2_500);
  });

  it('forgets the falls of a node that has served for long enough', () => {
    fallAndReturn();
    expect(fallAndReturn()).toBe(1_000);
    nowMs += 30_000;
    expect(fallAndReturn()).toBe(0);
  });

  it('begins the trial anew, and a longer one, when it fails in between', () => {
    fallAndReturn();
    standing.wentDown();
    expect(standing.trialMs()).toBe(1_000);
    nowMs += 900;
    standing.failedAgain();
    nowMs += 5_000;
    expect(standing.trialMs()).toBe(2_000);
    nowMs += 500;
    expect(standing.trialMs()).toBe(1_500);
  });

  it('counts one fall however often it fails before it answers', () => {
    fallAndReturn();
    standing.wentDown();
    for (let round = 0; round < 5; round++) standing.failedAgain();
    expect(standing.trialMs()).toBe(1_000);
  });

  it('does not hold against a node that it was taken down with all others', () => {
    for (let round = 0; round < 3; round++) {
      standing.wasTakenDown();
      standing.returned();
    }
    standing.wentDown();
    expect(standing.trialMs()).toBe(0);
  });

  it('knows what began before the node went down or came back last', () => {
    expect(standing.isOutdated(0)).toBe(false);
    standing.wentDown();
    expect([standing.isOutdated(999), standing.isOutdated(1_000)]).toEqual([true, false]);
    nowMs = 2_000;
    standing.returned();
    expect([standing.isOutdated(1_500), standing.isOutdated(2_000)]).toEqual([true, false]);
  });
});
