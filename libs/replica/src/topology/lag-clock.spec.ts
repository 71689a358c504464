import { beforeEach, describe, expect, it } from '@jest/globals';
import { LagClock } from './lag-clock.js';

describe('LagClock', () => {
  let clock: LagClock;

  beforeEach(() => {
    clock = new LagClock();
  });

  it('knows nothing before the first sample', () => {
    expect(clock.latest).toBeUndefined();
    expect(clock.freshAsOf(5n)).toBeUndefined();
    expect(clock.positionAtOrAfter(0)).toBeUndefined();
  });

  it('dates a position by the last sample that it has reached', () => {
    clock.observe(100n, 1_000);
    clock.observe(200n, 2_000);
    clock.observe(300n, 3_000);
    expect(clock.freshAsOf(99n)).toBeUndefined();
    expect(clock.freshAsOf(100n)).toBe(1_000);
    expect(clock.freshAsOf(299n)).toBe(2_000);
    expect(clock.freshAsOf(300n)).toBe(3_000);
    expect(clock.freshAsOf(999n)).toBe(3_000);
  });

  it('makes no lag while the primary is idle', () => {
    clock.observe(100n, 1_000);
    clock.observe(100n, 60_000);
    expect(clock.freshAsOf(100n)).toBe(60_000);
  });

  it('gives a position that was reached at or after an instant', () => {
    clock.observe(100n, 1_000);
    clock.observe(200n, 2_000);
    expect(clock.positionAtOrAfter(500)).toBe(100n);
    expect(clock.positionAtOrAfter(1_000)).toBe(100n);
    expect(clock.positionAtOrAfter(1_001)).toBe(200n);
    expect(clock.positionAtOrAfter(2_001)).toBeUndefined();
  });

  it('ignores samples that come late', () => {
    clock.observe(200n, 2_000);
    clock.observe(100n, 1_000);
    clock.observe(150n, 3_000);
    expect(clock.latest).toBe(200n);
    expect(clock.freshAsOf(199n)).toBeUndefined();
  });

  it('never makes anyone look fresher than they are, however close the samples', () => {
    const taken: { atMs: number; position: bigint }[] = [];
    for (let index = 0; index < 50_000; index++) {
      const sample = { atMs: index * 1.7, position: BigInt(index * 3) };
      taken.push(sample);
      clock.observe(sample.position, sample.atMs);
    }
    for (let position = 0n; position < 150_000n; position += 997n) {
      const exact = taken.findLast((sample) => sample.position <= position);
      const fresh = clock.freshAsOf(position);
      if (fresh !== undefined) {
        expect(fresh).toBeLessThanOrEqual(exact?.atMs ?? -1);
        expect(fresh).toBeGreaterThan((exact?.atMs ?? 0) - 60);
      }
    }
    const latest = taken.at(-1);
    expect(clock.freshAsOf(latest?.position ?? 0n)).toBe(latest?.atMs);
  });

  it('forgets when told so', () => {
    clock.observe(100n, 1_000);
    clock.reset();
    expect(clock.latest).toBeUndefined();
  });
});
