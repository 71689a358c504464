import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import type { Intent } from '../routing/route-query.js';
import type { Position } from '../session/position.js';
import type { SessionState } from '../session/session-state.js';
import type { PositionSource, StickyPolicy } from './position-source.js';
import { SessionClock } from '../session/session-clock.js';
import { RequestContext } from './request-context.js';
import type { RequestSession } from './request-session.js';

const TTL_MS = 30_000;
const WINDOW_MS = 2_000;
const INTENT: Intent = {
  target: 'default',
  safeMethod: true,
  consistency: 'session',
  catchUpTimeoutMs: 0,
  preventWrites: false,
};

describe('a write whose position nobody knows', () => {
  let capture: () => Promise<Position>;

  beforeEach(() => {
    jest.useFakeTimers();
    capture = () => Promise.reject(new Error('the primary tells none'));
  });
  afterEach(() => {
    jest.useRealTimers();
  });

  const requestOf = (sticky: StickyPolicy): RequestContext => {
    const positions: PositionSource = {
      sticky,
      clock: new SessionClock({ keptMs: 30_000 }),
      unknownForMs: sticky.mode === 'time' ? sticky.windowMs : TTL_MS,
      capture: () => capture(),
      hurry: () => undefined,
    };
    return new RequestContext(positions, 0);
  };
  const write = async (request: RequestContext): Promise<void> => {
    request.ledger.begin();
    request.wrote();
    await request.writesCaptured();
  };
  const isOnPrimary = (request: RequestContext): boolean => request.view(INTENT).ownWritePending;

  it.each([
    [{ mode: 'time', windowMs: WINDOW_MS }, WINDOW_MS],
    [{ mode: 'position' }, TTL_MS],
  ] as const)(
    'keeps its own request on the primary for a while, not for good: %j',
    async (sticky, lastsMs) => {
      const request = requestOf(sticky);
      await write(request);
      jest.advanceTimersByTime(lastsMs - 1);
      expect(isOnPrimary(request)).toBe(true);
      jest.advanceTimersByTime(1);
      expect(isOnPrimary(request)).toBe(false);
      await write(request);
      expect(isOnPrimary(request)).toBe(true);
    },
  );

  it('keeps a chain of requests that start one another on the primary no longer than itself', async () => {
    let request = requestOf({ mode: 'position' });
    await write(request);
    for (let round = 0; round < 10; round++) {
      request.end();
      const next = requestOf({ mode: 'position' });
      next.includeWritesOf(request);
      await next.writesCaptured();
      expect(isOnPrimary(next)).toBe(true);
      request = next;
      jest.advanceTimersByTime(TTL_MS / 10);
    }
    expect(isOnPrimary(request)).toBe(false);
    const last = requestOf({ mode: 'position' });
    last.includeWritesOf(request);
    await last.writesCaptured();
    expect(isOnPrimary(last)).toBe(false);
  });

  it('is shared even if that turns out while another request already runs', async () => {
    let reject: ((error: Error) => void) | undefined;
    capture = () => new Promise((_, fail) => (reject = fail));
    const outer = requestOf({ mode: 'position' });
    outer.ledger.begin();
    outer.wrote();
    const inner = requestOf({ mode: 'position' });
    inner.includeWritesOf(outer);
    reject?.(new Error('the primary tells none'));
    await inner.writesCaptured();
    expect(isOnPrimary(inner)).toBe(true);
    jest.advanceTimersByTime(TTL_MS);
    expect(isOnPrimary(inner)).toBe(false);
  });

  it('or whose outcome is unknown counts as such for a while', () => {
    const request = requestOf({ mode: 'position' });
    request.ledger.begin();
    request.lostWrite();
    const next = requestOf({ mode: 'position' });
    next.includeWritesOf(request);
    expect([request, next].map((one) => one.view(INTENT).ownWriteLost)).toEqual([true, true]);
    jest.advanceTimersByTime(TTL_MS);
    expect([request, next].map((one) => one.view(INTENT).ownWriteLost)).toEqual([false, false]);
  });

  it('gives the session the remaining time, and each later write a time of its own', async () => {
    const saved: SessionState[] = [];
    const request = requestOf({ mode: 'time', windowMs: WINDOW_MS });
    request.attach({
      ttlMs: TTL_MS,
      standing: 'known',
      mayBeSaved: true,
      isShared: false,
      isLocal: false,
      view: () => undefined,
      loaded: () => Promise.resolve(),
      save: (state) => Promise.resolve(void saved.push(state)),
      announce: () => undefined,
      bind: () => false,
      isBoundElsewhere: false,
    } satisfies RequestSession);
    await write(request);
    jest.advanceTimersByTime(500);
    await request.settle();
    await request.settle();
    expect(saved.map(({ primaryUntilMs }) => primaryUntilMs)).toEqual([Date.now() + WINDOW_MS - 500]);
    await write(request);
    await request.settle();
    expect(saved[1]?.primaryUntilMs).toBe(Date.now() + WINDOW_MS);
  });
});
