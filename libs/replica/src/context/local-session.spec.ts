import { beforeEach, describe, expect, it } from '@jest/globals';
import type { Position } from '../session/position.js';
import { MemorySessionStore } from '../session/memory.store.js';
import type { SessionStore } from '../session/session-store.js';
import { OpenWrite } from './open-write.js';
import { SessionClock } from '../session/session-clock.js';
import { RequestContext } from './request-context.js';
import { SessionHandle } from './session-handle.js';

const TTL_MS = 30_000;

describe('a request whose session is in the memory of its process', () => {
  let memory: MemorySessionStore;
  let captures: { resolve: (position: Position) => void; reject: (error: Error) => void }[];
  let hurried: number;
  let key: string | null;
  const positions = {
    sticky: { mode: 'position' } as const,
    clock: new SessionClock({ keptMs: 30_000 }),
    unknownForMs: TTL_MS,
    capture: () => new Promise<Position>((resolve, reject) => captures.push({ resolve, reject })),
    hurry: () => void hurried++,
  };
  const requestOf = (store: SessionStore): RequestContext => {
    const request = new RequestContext(positions, 0);
    const session = new SessionHandle({ store, timeoutMs: 50, ttlMs: TTL_MS, resolveKey: () => key });
    void session.loaded();
    request.attach(session);
    return request;
  };
  const write = (request: RequestContext): void => {
    request.ledger.begin();
    request.wrote();
  };

  beforeEach(() => {
    memory = new MemorySessionStore();
    captures = [];
    hurried = 0;
    key = 'ann';
  });

  it('is settled before the position of its write is known, and whoever asks for the session waits', async () => {
    const request = requestOf(memory);
    write(request);
    expect(request.unsettled).toBe(true);
    expect(request.trySettle()).toBe(true);
    expect([request.unsettled, captures.length, hurried]).toEqual([false, 1, 0]);
    const next = requestOf(memory);
    expect(next.session?.view(Date.now())?.status).toBe('loading');
    expect(hurried).toBe(1);
    captures[0]?.resolve(7n);
    await next.session?.loaded();
    expect(next.session?.view(Date.now())).toMatchObject({ status: 'loaded', position: 7n });
  });

  it('asks nobody if the primary tells the position with the answer of the write', () => {
    const request = requestOf(memory);
    request.ledger.addSighting();
    const open = new OpenWrite(request);
    open.asks();
    open.happened(7n);
    expect(request.trySettle()).toBe(true);
    expect(captures.length).toBe(0);
    expect(memory.load('ann')).toMatchObject({ position: 7n, primaryUntilMs: 0 });
  });

  it('does not count what it was shown after the position had been asked for as covered', async () => {
    const request = requestOf(memory);
    const open = new OpenWrite(request);
    open.asks();
    request.ledger.addSighting();
    open.happened(7n);
    expect(request.trySettle()).toBe(true);
    captures[0]?.resolve(9n);
    expect(await memory.load('ann')).toMatchObject({ position: 9n });
  });

  it('leaves what the primary showed it to the session as well', async () => {
    const request = requestOf(memory);
    request.ledger.addSighting();
    expect(request.trySettle()).toBe(true);
    expect(captures.length).toBe(1);
    captures[0]?.resolve(5n);
    expect(await memory.load('ann')).toMatchObject({ position: 5n });
  });

  it('keeps the session on the primary if the position cannot be learned', async () => {
    const request = requestOf(memory);
    write(request);
    expect(request.trySettle()).toBe(true);
    captures[0]?.reject(new Error('the primary is gone'));
    const state = await memory.load('ann');
    expect(state?.primaryUntilMs).toBeGreaterThan(Date.now() + TTL_MS / 2);
  });

  it('settles again after later writes, even if its response has left', async () => {
    const request = requestOf(memory);
    write(request);
    request.trySettle();
    write(request);
    expect(request.unsettled).toBe(true);
    expect(request.trySettle()).toBe(true);
    request.end();
    write(request);
    expect(captures.length).toBe(3);
    const loading = Promise.resolve(memory.load('ann'));
    captures[0]?.resolve(7n);
    captures[1]?.resolve(8n);
    expect(await Promise.race([loading, new Promise((resolve) => setImmediate(resolve, 'waits'))])).toBe(
      'waits',
    );
    captures[2]?.resolve(9n);
    expect(await loading).toMatchObject({ position: 9n });
  });

  it('makes others wait only for what was written by then, whatever its session writes next', async () => {
    const request = requestOf(memory);
    write(request);
    request.trySettle();
    request.end();
    const loading = Promise.resolve(memory.load('ann'));
    write(request);
    captures[0]?.resolve(7n);
    expect(await loading).toMatchObject({ position: 7n });
    captures[1]?.resolve(8n);
    expect(await memory.load('ann')).toMatchObject({ position: 8n });
  });

  it('announces at once what is written after its response has left', () => {
    const request = requestOf(memory);
    request.end();
    write(request);
    expect(requestOf(memory).session?.view(Date.now())?.status).toBe('loading');
  });

  it('does not make others wait for long: after that the session counts as unavailable until it is known', async () => {
    const request = requestOf(memory);
    write(request);
    request.trySettle();
    const next = requestOf(memory);
    await next.session?.loaded();
    expect(next.session?.view(Date.now())?.status).toBe('unavailable');
    captures[0]?.resolve(7n);
    await memory.load('ann');
    expect(next.session?.view(Date.now())).toMatchObject({ status: 'loaded', position: 7n });
  });

  it('saves under the key that the response gave the client, too', async () => {
    const request = requestOf(memory);
    write(request);
    key = 'ann after the log-in';
    expect(request.trySettle()).toBe(true);
    captures[0]?.resolve(7n);
    expect(await memory.load('ann')).toMatchObject({ position: 7n });
    expect(await memory.load('ann after the log-in')).toMatchObject({ position: 7n });
  });

  it('waits itself if other processes share the store, for a position that is read at once', async () => {
    const shared: SessionStore = {
      load: (of) => memory.load(of),
      save: (...args) => memory.save(...args),
    };
    const request = requestOf(shared);
    write(request);
    expect(hurried).toBe(1);
    expect(request.trySettle()).toBe(false);
    const settling = request.settle();
    expect(await memory.load('ann')).toBeUndefined();
    captures[0]?.resolve(7n);
    await settling;
    expect(await memory.load('ann')).toMatchObject({ position: 7n });
  });
});
