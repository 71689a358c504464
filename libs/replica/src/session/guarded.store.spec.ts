import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { GuardedSessionStore } from './guarded.store.js';
import { SessionTable } from './session-table.js';
import type { SessionState } from './session-state.js';
import type { SessionStore } from './session-store.js';

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

  it('knows what is being saved', async () => {
    let saved = (): void => undefined;
    const slow = guarding({
      load: () => Promise.resolve({ position: 1n }),
      save: () => new Promise<void>((resolve) => (saved = resolve)),
    });
    const saving = slow.save('a', { position: 5n }, 1_000);
    const loading = slow.load('a');
    saved();
    await saving;
    expect(await loading).toMatchObject({ position: 5n });
    expect(await slow.load('a')).toMatchObject({ position: 1n });
  });

  /** Throws when somebody checks whether it is a promise. */
  const opaque = new Proxy({} as never, {
    has: () => {
      throw new Error('do not touch');
    },
  });

  it.each([
    [1, 'load gave number'],
    ['x', 'load gave string'],
    [[], 'load gave a list'],
    [() => undefined, 'load gave function'],
    [{ position: 5 }, 'position is number'],
    [{ position: '0/5' }, 'position is string'],
    [{ primaryUntilMs: Number.NaN }, 'primaryUntilMs is not finite'],
    [{ unconfirmedUntilMs: '1' }, 'unconfirmedUntilMs is string'],
    [{ servedBy: {} }, 'servedBy is object'],
  ])('fails to load where the store gives nonsense: %#', async (nonsense, problem) => {
    for (const answer of [nonsense, Promise.resolve(nonsense)]) {
      const wrong = guarding({ load: () => answer as never, save: () => undefined });
      await expect((async () => wrong.load('a'))()).rejects.toThrow(problem);
    }
  });

  it('fails where what the store gives cannot even be looked at', async () => {
    const wrong = guarding({ load: () => opaque, save: () => opaque });
    await expect((async () => wrong.load('a'))()).rejects.toThrow('do not touch');
    await expect((async () => wrong.save('a', {}, 1))()).rejects.toThrow('do not touch');
  });

  it('takes null for absent', async () => {
    const nulls = { position: null, primaryUntilMs: null, servedBy: null };
    expect(await guarding({ load: () => null as never, save: () => undefined }).load('a')).toBeUndefined();
    expect(guarding({ load: () => nulls as never, save: () => undefined }).load('a')).toEqual({});
  });

  describe('of a store that announces', () => {
    const quiet = { load: () => undefined, save: () => undefined };

    it('announces only if the store can', () => {
      expect(guarding(quiet).announce).toBeUndefined();
    });

    it.each([
      [() => undefined],
      [() => 5],
      [() => Promise.resolve()],
      [
        () => {
          throw new Error('not now');
        },
      ],
    ])('reports that it could not: %#', (announce) => {
      const guarded = guarding({ ...quiet, announce: announce as never });
      expect(guarded.announce?.('a', () => undefined)).toBeUndefined();
      expect(events).toEqual([expect.stringMatching(/^save: /)]);
    });

    it.each([
      [
        () => {
          throw new Error('lost');
        },
      ],
      [() => Promise.reject(new Error('lost'))],
    ])('remembers what it announced and then failed to save: %#', async (save) => {
      const guarded = guarding({ ...quiet, announce: () => save });
      guarded.announce?.('a', () => undefined)?.({ position: 7n }, 1_000);
      await Promise.resolve().then(() => Promise.resolve());
      expect(await guarded.load('a')).toMatchObject({ position: 7n });
      expect(events[0]).toBe('save: lost');
    });
  });

  function guarding(wrapped: SessionStore): GuardedSessionStore {
    return new GuardedSessionStore({
      store: wrapped,
      timeoutMs: 100,
      onFailure: (error, doing) => events.push(`${doing}: ${(error as Error).message}`),
      onAnswer: () => undefined,
    });
  }
});
