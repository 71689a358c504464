import { beforeEach, describe, expect, it } from '@jest/globals';
import type { Position } from '../session/position.js';
import { MemorySessionStore } from '../session/memory.store.js';
import { SessionClock } from '../session/session-clock.js';
import { RequestContext } from './request-context.js';
import { SessionHandle } from './session-handle.js';

const TTL_MS = 30_000;

describe('a request that is bound to the session of another key', () => {
  let memory: MemorySessionStore;
  let captured: Position;

  const requestOf = (): RequestContext =>
    new RequestContext(
      {
        sticky: { mode: 'position' },
        clock: new SessionClock({ keptMs: TTL_MS }),
        unknownForMs: TTL_MS,
        capture: () => Promise.resolve(++captured),
        hurry: () => undefined,
      },
      0,
    );
  const sessionOf = (key: string | null): SessionHandle => {
    const session = new SessionHandle({
      store: memory,
      timeoutMs: 50,
      ttlMs: TTL_MS,
      resolveKey: () => key,
    });
    void session.loaded();
    return session;
  };

  beforeEach(() => {
    memory = new MemorySessionStore();
    captured = 0n;
  });

  it('tells that session a position from after the call, even if nothing was written', async () => {
    const request = requestOf();
    request.attach(sessionOf(null));
    expect(request.unsettled).toBe(false);
    expect(request.bindSession('ann')).toBe(true);
    await request.settle();
    expect(await memory.load('ann')).toMatchObject({ position: 1n });
  });

  it('tells that session what it had saved to its own before', async () => {
    const request = requestOf();
    request.attach(sessionOf('bob'));
    request.ledger.begin();
    request.wrote({ position: 7n, sightings: 0 });
    await request.settle();
    request.bindSession('ann');
    await request.settle();
    expect(await memory.load('ann')).toMatchObject({ position: 7n });
    expect(await memory.load('bob')).toMatchObject({ position: 7n });
  });

  it('leaves that session at its own replica', async () => {
    const request = requestOf();
    request.attach(sessionOf('bob'));
    request.bindSession('ann');
    request.movedTo('replica-2');
    await request.settle();
    expect(await memory.load('bob')).toMatchObject({ servedBy: 'replica-2' });
    expect((await memory.load('ann'))?.servedBy).toBeUndefined();
  });

  it('stays bound if its own session is found only later', async () => {
    const request = requestOf();
    let session: SessionHandle | undefined;
    request.attachLater(() => session);
    expect(request.bindSession('ann')).toBe(true);
    expect(request.unsettled).toBe(false);
    session = sessionOf(null);
    await request.settle();
    expect(await memory.load('ann')).toMatchObject({ position: 1n });
  });
});
