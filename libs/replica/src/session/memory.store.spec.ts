import { beforeEach, describe, expect, it } from '@jest/globals';
import { describeSessionStore } from '../../../../test/support/session-store-contract.js';
import { MemorySessionStore } from './memory.store.js';
import type { SessionState } from './session-state.js';

describeSessionStore('MemorySessionStore', () => {
  let nowMs = 1_000_000;
  const store = new MemorySessionStore({ now: () => nowMs });
  return { store, pass: (ms) => void (nowMs += ms), size: () => store.size };
});

describe('MemorySessionStore', () => {
  let nowMs: number;
  let store: MemorySessionStore;

  beforeEach(() => {
    nowMs = 1_000_000;
    store = new MemorySessionStore({ now: () => nowMs });
  });

  it('really deletes what has expired, as others come and go', () => {
    for (let index = 0; index < 100; index++) store.save(`old-${index}`, { position: 1n }, 1_000);
    nowMs += 1_000;
    store.save('new', { position: 1n }, 1_000);
    expect(store.size).toBe(1);
    nowMs += 1_000;
    void store.load('anybody');
    expect(store.size).toBe(0);
  });

  it('is bounded, and a session that made room still does not read what is older than its write', () => {
    store = new MemorySessionStore({ maxSessions: 2, now: () => nowMs });
    store.save('a', { position: 30n }, 1_000);
    store.save('b', { position: 20n }, 1_000);
    store.save('c', { position: 10n }, 1_000);
    expect(store.size).toBe(2);
    expect(store.load('a')).toMatchObject({ position: 30n });
    expect(store.load('b')).toMatchObject({ position: 20n });
    store.save('d', { position: 5n }, 1_000);
    expect(store.load('b')).toMatchObject({ position: 30n });
    nowMs += 1_000;
    expect(store.load('a')).toBeUndefined();
  });

  it('keeps the larger position of a session that made room and comes again', () => {
    store = new MemorySessionStore({ maxSessions: 1, now: () => nowMs });
    store.save('a', { position: 30n, servedBy: 'replica-2', servedAtMs: 1 }, 1_000);
    store.save('b', { position: 20n }, 1_000);
    store.save('a', { position: 10n }, 1_000);
    expect(store.load('a')).toMatchObject({ position: 30n });
    expect(store.load('stranger')).toMatchObject({ position: 30n });
    expect(store.load('stranger')).not.toHaveProperty('servedBy', 'replica-2');
  });

  describe('with a save that was announced', () => {
    const hurried: string[] = [];
    const announce = (what: string): ((state: SessionState, ttlMs: number) => void) =>
      store.announce('a', () => hurried.push(what));
    beforeEach(() => void (hurried.length = 0));

    it('hurries it when the session is loaded, and gives what was saved then', async () => {
      store.save('a', { position: 5n }, 1_000);
      const save = announce('first');
      expect(store.load('b')).toBeUndefined();
      const loading = store.load('a');
      expect(loading).toBeInstanceOf(Promise);
      expect(hurried).toEqual(['first']);
      save({ position: 7n }, 1_000);
      expect(await loading).toMatchObject({ position: 7n });
      expect(store.load('a')).toMatchObject({ position: 7n });
    });

    it('waits for all that were announced by then, and for none that comes after', async () => {
      const [first, second] = [announce('first'), announce('second')];
      const loading = Promise.resolve(store.load('a'));
      const third = announce('third');
      second({ position: 9n }, 1_000);
      expect(await Promise.race([loading, Promise.resolve('waits')])).toBe('waits');
      first({ position: 7n }, 1_000);
      expect(await loading).toMatchObject({ position: 9n });
      expect(hurried).toEqual(['first', 'second']);
      expect(store.load('a')).toBeInstanceOf(Promise);
      third({}, 1_000);
      expect(store.load('a')).toMatchObject({ position: 9n });
    });
  });

  it.each([0, -1, 1.5, Number.NaN])('refuses room for %s sessions', (maxSessions) => {
    expect(() => new MemorySessionStore({ maxSessions })).toThrow(
      'maxSessions must be a whole number from 1',
    );
  });
});
