import { TextCache } from './text-cache.js';

describe('TextCache', () => {
  it('never holds more texts than allowed', () => {
    const cache = new TextCache<number>(10, 1_000_000);
    for (let text = 0; text < 1_000; text += 1) {
      cache.set(String(text), text);
      expect(cache.size).toBeLessThanOrEqual(10);
    }
    expect(cache.get('999')).toBe(999);
    expect(cache.get('0')).toBeUndefined();
  });

  it('never holds more characters than allowed', () => {
    const cache = new TextCache<number>(1_000, 100);
    for (let text = 0; text < 100; text += 1) cache.set(String(text).padEnd(20), text);
    expect(cache.size).toBeLessThanOrEqual(5);
    cache.set('x'.repeat(101), 1);
    expect(cache.get('x'.repeat(101))).toBeUndefined();
  });

  it('keeps texts that are asked for again and again', () => {
    const cache = new TextCache<number>(10, 1_000_000);
    cache.set('often', 1);
    for (let text = 0; text < 1_000; text += 1) {
      cache.set(String(text), text);
      expect(cache.get('often')).toBe(1);
    }
  });

  it('keeps nothing if it has no room', () => {
    const cache = new TextCache<number>(0, 100);
    cache.set('a', 1);
    expect(cache.get('a')).toBeUndefined();
  });
});
