import { beforeEach, describe, expect, it } from '@jest/globals';
import { MemorySessionStore } from './memory.store.js';

describe('MemorySessionStore', () => {
  let nowMs: number;
  let store: MemorySessionStore;

  beforeEach(() => {
    nowMs = 1_000_000;
    store = new MemorySessionStore({ now: () => nowMs });
  });

  it('gives back what was saved, and nothing to anybody else', () => {
    store.save('a', { position: 5n }, 1_000);
    expect(store.load('a')).toMatchObject({ position: 5n });
    expect(store.load('b')).toBeUndefined();
  });

  it.each([
    [7n, 5n],
    [5n, 7n],
  ])('keeps the larger position when %s is saved before %s', (first, second) => {
    store.save('a', { position: first }, 1_000);
    store.save('a', { position: second }, 1_000);
    expect(store.load('a')?.position).toBe(7n);
  });

  it('keeps a position when only a deadline is saved, and the later deadline', () => {
    store.save('a', { position: 5n, primaryUntilMs: 30 }, 1_000);
    store.save('a', { primaryUntilMs: 20 }, 1_000);
    expect(store.load('a')).toEqual({ position: 5n, primaryUntilMs: 30 });
  });

  it('forgets a session when its time is over, counted from the last save', () => {
    store.save('a', { position: 5n }, 1_000);
    nowMs += 900;
    store.save('a', { position: 6n }, 1_000);
    nowMs += 999;
    expect(store.load('a')?.position).toBe(6n);
    nowMs += 1;
    expect(store.load('a')).toBeUndefined();
  });

  it('does not merge with what has expired', () => {
    store.save('a', { position: 9n }, 1_000);
    nowMs += 1_000;
    store.save('a', { position: 5n }, 1_000);
    expect(store.load('a')?.position).toBe(5n);
  });

  it('really deletes what has expired, as others come and go', () => {
    for (let index = 0; index < 100; index++) store.save(`old-${index}`, { position: 1n }, 1_000);
    nowMs += 1_000;
    store.save('new', { position: 1n }, 1_000);
    expect(store.size).toBe(1);
    nowMs += 1_000;
    store.load('anybody');
    expect(store.size).toBe(0);
  });

  it('is bounded, and a session that made room still does not read what is older than its write', () => {
    store = new MemorySessionStore({ maxSessions: 2, now: () => nowMs });
    store.save('a', { position: 30n }, 1_000);
    store.save('b', { position: 20n }, 1_000);
    store.save('c', { position: 10n }, 1_000);
    expect(store.size).toBe(2);
    expect(store.load('a')?.position).toBe(30n);
    expect(store.load('b')?.position).toBe(20n);
    store.save('d', { position: 5n }, 1_000);
    expect(store.load('b')?.position).toBe(30n);
    nowMs += 1_000;
    expect(store.load('a')).toBeUndefined();
  });

  it.each([0, -1, 1.5, Number.NaN])('refuses room for %s sessions', (maxSessions) => {
    expect(() => new MemorySessionStore({ maxSessions })).toThrow(
      'maxSessions must be a whole number from 1',
    );
  });
});
