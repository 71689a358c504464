import { describe, expect, it } from '@jest/globals';
import { seededRandom } from '../../../../test/support/random.js';
import { DurationHistogram } from './duration-histogram.js';

describe('a histogram of durations', () => {
  it('tells percentiles with an error of an eighth at most', () => {
    const random = seededRandom(7);
    for (const longestMs of [0.5, 20, 3_000, 600_000]) {
      const histogram = new DurationHistogram();
      const all = Array.from({ length: 5_000 }, () => longestMs * random() ** 3).toSorted((a, b) => a - b);
      for (const ms of all) histogram.add(ms);
      for (const share of [0.01, 0.5, 0.95, 1]) {
        const exactMs = all[Math.ceil(share * all.length) - 1] as number;
        expect(Math.abs(histogram.percentile(share) - exactMs)).toBeLessThanOrEqual(exactMs / 8 + 0.001);
      }
    }
  });

  it('takes what no clock should tell', () => {
    const histogram = new DurationHistogram();
    expect(histogram.percentile(0.5)).toBe(0);
    for (const ms of [-1, 0, NaN]) histogram.add(ms);
    expect(histogram.percentile(0.95)).toBe(0);
    for (const ms of [Infinity, 1e12, 1e12, 1e12]) histogram.add(ms);
    expect(histogram.percentile(0.95)).toBeGreaterThan(1_800_000);
  });
});
