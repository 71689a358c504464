import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { GuardedSessionStore } from './guarded.store.js';
import { SessionTable } from './session-table.js';
import type { SessionState } from './session-state.js';

describe('GuardedSessionStore', () => {
  let failing: Error | undefined;
  let events: string[];
  let inner: SessionTable;
  let store: GuardedSessionStore;

  beforeEach(() => {
    failing = undefined;
    events = [];
    inner = new SessionTable();
    store = new GuardedSessionStore({
      store: {
        load: (key) => (failing === undefined ? Promise.resolve(inner.load(key)) : Promise.reject(failing)),
        save: (key, state, ttlMs) =>
          failing === undefined ? Promise.resolve(inner.save(key, state, ttlMs)) : Promise.reject(failing),
      },
      timeoutMs: 100,
      onFailure: (error, doing) => events.push(`${doing}: ${(error as Error).message}`),
      onAnswer: (doing) => events.push(doing),
    });
  });

  it('passes on what the store answers', async () => {
    await store.save('a', { position: 1n }, 1_000);
    expect(await store.load('a')).toMatchObject({ position: 1n });
    expect(await store.load('b')).toBeUndefined();
    expect(events).toEqual(['save', 'load', 'load']);
  });

  it('rejects and reports when the store fails', async () => {
    failing = new Error('connection lost');
    await expect(store.load('a')).rejects.toThrow('connection lost');
    await expect(store.save('a', {}, 1)).rejects.toThrow('connection lost');
    expect(events).toEqual(['load: connection lost', 'save: connection lost']);
  });

  describe('of a store that gives no answer', () => {
    let answers: ((state: SessionState) => void)[];
    let silent: GuardedSessionStore;
    const load = async (key: string): Promise<unknown> => {
      const loading = Promise.resolve()
        .then(() => silent.load(key))
        .catch((error: Error) => error.message);
      await jest.advanceTimersByTimeAsync(100);
      return loading;
    };

    beforeEach(() => {
      jest.useFakeTimers();
      answers = [];
      silent = new GuardedSessionStore({
        store: {
          load: () => new Promise<SessionState>((resolve) => answers.push(resolve)),
          save: () => new Promise<void>(() => undefined),
        },
        timeoutMs: 100,
        onFailure: (error) => events.push((error as Error).message),
        onAnswer: () => events.push('answer'),
      });
    });
    afterEach(() => {
      expect(jest.getTimerCount()).toBe(0);
      jest.useRealTimers();
    });

    it('waits no longer than it may, and bears an answer that comes too late', async () => {
      expect(await load('a')).toBe('no answer within 100 ms');
      answers[0]?.({});
      await jest.advanceTimersByTimeAsync(100);
      expect(events).toEqual(['no answer within 100 ms']);
    });

    it('asks it now and then only, and again at once when it has answered', async () => {
      await load('a');
      expect(() => silent.load('b')).toThrow('it has not answered lately, and was not asked');
      expect(() => silent.save('b', {}, 1_000)).toThrow('was not asked');
      expect(answers).toHaveLength(1);
      await jest.advanceTimersByTimeAsync(100);
      const trial = load('c');
      await jest.advanceTimersByTimeAsync(0);
      expect(() => silent.load('d')).toThrow('was not asked');
      expect(await trial).toBe('no answer within 100 ms');
      expect(answers).toHaveLength(2);
      answers[0]?.({});
      await jest.advanceTimersByTimeAsync(0);
      void load('e');
      await jest.advanceTimersByTimeAsync(0);
      expect(answers).toHaveLength(3);
      await jest.advanceTimersByTimeAsync(100);
    });
  });

  it('knows itself what could not be saved, and saves it when the store answers again', async () => {
    await store.save('a', { position: 5n }, 1_000);
    failing = new Error('down');
    await store.save('a', { position: 9n }, 1_000)?.catch(() => undefined);
    await store.save('b', { position: 7n }, 1_000)?.catch(() => undefined);
    failing = undefined;
    expect((await store.load('a'))?.position).toBe(9n);
    await new Promise(setImmediate);
    expect([inner.load('a')?.position, inner.load('b')?.position]).toEqual([9n, 7n]);
  });

  it('goes on trying when the store fails again', async () => {
    failing = new Error('down');
    await store.save('a', { position: 9n }, 1_000)?.catch(() => undefined);
    failing = undefined;
    const answered = store.load('b');
    failing = new Error('down again');
    await answered;
    await new Promise(setImmediate);
    expect(inner.load('a')).toBeUndefined();
    failing = undefined;
    await store.load('b');
    await new Promise(setImmediate);
    expect(inner.load('a')?.position).toBe(9n);
  });

  it('answers at once where the store does', () => {
    const atOnce = new GuardedSessionStore({
      store: inner,
      timeoutMs: 100,
      onFailure: () => undefined,
      onAnswer: () => undefined,
    });
    void atOnce.save('a', { position: 1n }, 1_000);
    expect(atOnce.load('a')).toMatchObject({ position: 1n });
  });
});
