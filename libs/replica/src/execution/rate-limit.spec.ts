import { describe, expect, it } from '@jest/globals';
import { RateLimit } from './rate-limit.js';

function count(limit: RateLimit, nowMs: number): number {
  let taken = 0;
  while (limit.take(nowMs)) taken++;
  return taken;
}

describe('RateLimit', () => {
  it('allows a burst at once, and no more', () => {
    expect(count(new RateLimit({ perSecond: 100, burst: 5 }), 1_000)).toBe(5);
  });

  it('allows one more for each interval that has passed', () => {
    const limit = new RateLimit({ perSecond: 100, burst: 5 });
    count(limit, 1_000);
    expect(count(limit, 1_009)).toBe(0);
    expect(count(limit, 1_010)).toBe(1);
    expect(count(limit, 1_040)).toBe(3);
  });

  it('saves up no more than the burst', () => {
    const limit = new RateLimit({ perSecond: 100, burst: 5 });
    count(limit, 1_000);
    expect(count(limit, 60_000)).toBe(5);
  });

  it('keeps to the rate, however often it is asked', () => {
    const limit = new RateLimit({ perSecond: 200, burst: 10 });
    let taken = 0;
    for (let ms = 0; ms < 10_000; ms++) if (limit.take(ms)) taken++;
    expect(taken).toBe(2_009);
  });
});
