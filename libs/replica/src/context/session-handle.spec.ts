import { beforeEach, describe, expect, it } from '@jest/globals';
import { MemorySessionStore } from '../session/memory.store.js';
import type { SessionState } from '../session/session-state.js';
import { SessionHandle } from './session-handle.js';

describe('SessionHandle', () => {
  let calls: string[];
  let memory: MemorySessionStore;
  let failing: boolean;
  let key: string | null | undefined | Error;

  const store = {
    load: async (of: string): Promise<SessionState | undefined> => {
      calls.push(`load ${of}`);
      return failing ? Promise.reject(new Error('down')) : memory.load(of);
    },
    save: async (of: string, state: SessionState, ttlMs: number): Promise<void> => {
      calls.push(`save ${of}`);
      if (failing) throw new Error('down');
      memory.save(of, state, ttlMs);
    },
  };
  const resolveKey = (): string | null | undefined => {
    if (key instanceof Error) throw key;
    return key;
  };
  const handle = (): SessionHandle => new SessionHandle({ store, timeoutMs: 50, ttlMs: 30_000, resolveKey });

  beforeEach(() => {
    calls = [];
    memory = new MemorySessionStore();
    failing = false;
    key = 'ann';
  });

  it('loads once, from the guard on', async () => {
    memory.save('ann', { position: 5n }, 30_000);
    const session = handle();
    void session.loaded();
    void session.loaded();
    expect([calls, session.view(0)?.status]).toEqual([['load ann'], 'loading']);
    session.conclude();
    await session.loaded();
    await session.loaded();
    expect(session.view(0)).toMatchObject({ status: 'loaded', position: 5n });
    expect(calls).toEqual(['load ann']);
  });

  it('loads nothing unless a read depends on it, and at the first read if no guard began', async () => {
    const session = handle();
    session.conclude();
    expect([session.standing, session.view(0)?.status, calls]).toEqual(['known', 'loading', []]);
    await session.loaded();
    expect([session.view(0)?.status, calls]).toEqual(['loaded', ['load ann']]);
  });

  it('finds its key as late as needed, but not after the handler began', () => {
    key = undefined;
    const session = handle();
    void session.loaded();
    expect([session.standing, session.view(0)?.status]).toEqual(['unresolved', 'unresolved']);
    key = 'ann';
    expect(session.standing).toBe('known');
    key = undefined;
    const nobody = handle();
    nobody.conclude();
    key = 'ann';
    expect([nobody.standing, nobody.view(0), nobody.mayBeSaved]).toEqual(['none', undefined, true]);
  });

  it.each([null, ''])('does not exist if the key is %j, and saves nothing', async (none) => {
    key = none;
    const session = handle();
    void session.loaded();
    await session.save({ position: 1n });
    expect([session.standing, session.mayBeSaved, calls]).toEqual(['none', false, []]);
  });

  it('is unavailable if the store fails, and passes no error on', async () => {
    failing = true;
    const session = handle();
    void session.loaded();
    await session.loaded();
    expect(session.view(0)?.status).toBe('unavailable');
    await session.save({ position: 1n });
    expect(calls).toEqual(['load ann', 'save ann']);
  });

  it('knows what it saved while its state was being loaded', async () => {
    memory.save('ann', { position: 3n }, 30_000);
    const session = handle();
    void session.loaded();
    await session.save({ position: 9n });
    await session.loaded();
    expect(session.view(0)?.position).toBe(9n);
  });

  it('saves under the key that the client will come with next, too', async () => {
    memory.save('ann', { position: 5n, servedBy: 'replica-2', servedAtMs: 1 }, 30_000);
    const session = handle();
    void session.loaded();
    await session.loaded();
    key = 'ann after the log-in';
    await session.save({ position: 7n });
    expect(calls).toEqual(['load ann', 'save ann', 'save ann after the log-in']);
    expect(memory.load('ann after the log-in')).toMatchObject({ position: 7n, servedBy: 'replica-2' });
  });

  it('saves under the key that it had if none can be found any more', async () => {
    const session = handle();
    void session.loaded();
    key = new TypeError('request.session is gone after the log-out');
    await session.save({ position: 7n });
    expect(await memory.load('ann')).toMatchObject({ position: 7n });
  });

  it('does not know whose session it is while its key cannot be found, and says why when the handler begins', async () => {
    key = new Error('no user yet');
    const session = handle();
    void session.loaded();
    expect([session.standing, session.mayBeSaved, session.view(0)?.status]).toEqual([
      'unresolved',
      false,
      'unresolved',
    ]);
    await session.loaded();
    await session.save({ position: 1n });
    expect(calls).toEqual([]);
    expect(() => session.conclude()).toThrow('no user yet');
    expect(session.standing).toBe('unresolved');
  });

  it('finds a key that it could not find before', () => {
    key = new Error('no user yet');
    const session = handle();
    void session.loaded();
    key = 'ann';
    session.conclude();
    expect(session.standing).toBe('known');
  });

  it('gives the store keys of bounded length, with the prefix', async () => {
    key = 'k'.repeat(8_000);
    const session = new SessionHandle({
      store,
      ttlMs: 30_000,
      timeoutMs: 250,
      resolveKey,
      keyPrefix: 'archive:',
    });
    void session.loaded();
    await session.save({ position: 1n });
    key = 'short';
    void new SessionHandle({
      store,
      ttlMs: 30_000,
      timeoutMs: 250,
      resolveKey,
      keyPrefix: 'archive:',
    }).loaded();
    expect(calls).toEqual([
      expect.stringMatching(/^load [\w-]{43}$/),
      expect.stringMatching(/^save [\w-]{43}$/),
      'load archive:short',
    ]);
  });

  it('announces nothing if one of two saves cannot be announced, and keeps nobody waiting', async () => {
    const unable = new MemorySessionStore();
    const announce = unable.announce.bind(unable);
    unable.announce = (of, hurry) => (of === 'ann' ? announce(of, hurry) : (undefined as never));
    const session = new SessionHandle({ store: unable, ttlMs: 30_000, timeoutMs: 250, resolveKey });
    session.conclude();
    key = 'bob';
    expect(session.announce(() => undefined)).toBeUndefined();
    expect(await unable.load('ann')).toBeDefined();
  });
});
