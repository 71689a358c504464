import { beforeEach, describe, expect, it } from '@jest/globals';
import { MemorySessionStore } from '../session/memory.store.js';
import type { SessionStore } from '../session/session-store.js';
import { RequestContext } from './request-context.js';
import { SessionClock } from '../session/session-clock.js';
import { SessionHandle } from './session-handle.js';
import { ShownSessions } from './shown-sessions.js';

const STARTED_MS = 100;

const positions = {
  sticky: { mode: 'position' } as const,
  capture: () => Promise.resolve(7n),
  hurry: () => undefined,
  clock: new SessionClock({ keptMs: 30_000 }),
  unknownForMs: 30_000,
};

describe('what sessions were shown', () => {
  let nowMs: number;
  let sessions: ShownSessions;
  const memory = new MemorySessionStore();
  const shared: SessionStore = { load: () => Promise.resolve(undefined), save: () => Promise.resolve() };

  function requestOf(key: string | null | undefined, store: SessionStore = memory): RequestContext {
    const request = new RequestContext(positions, STARTED_MS);
    request.attach(new SessionHandle({ store, ttlMs: 30_000, timeoutMs: 250, resolveKey: () => key }));
    return request;
  }

  const lastMs = (request: RequestContext): number => sessions.logOf(request).shown.lastMs;

  beforeEach(() => {
    nowMs = 50;
    sessions = new ShownSessions(() => nowMs, 2);
  });

  it('is remembered from one request to the next', () => {
    sessions.answered(requestOf('ann'), 60);
    expect([lastMs(requestOf('ann')), lastMs(requestOf('ben'))]).toEqual([60, 50]);
  });

  it('never goes back', () => {
    sessions.answered(requestOf('ann'), 60);
    sessions.answered(requestOf('ann'), 55);
    expect(lastMs(requestOf('ann'))).toBe(60);
  });

  it('may be anything before it was noted, or once it is forgotten', () => {
    expect(lastMs(requestOf('ann'))).toBe(50);
    nowMs = 70;
    expect([lastMs(requestOf('ben')), lastMs(requestOf('cyd'))]).toEqual([50, 50]);
    expect(lastMs(requestOf('ann'))).toBe(70);
  });

  it('may be anything until the request begins, if other processes share the session', () => {
    sessions.answered(requestOf('ann', shared), 60);
    expect(lastMs(requestOf('ann', shared))).toBe(STARTED_MS);
  });

  it('is nothing when a request without a session begins', () => {
    const request = new RequestContext(positions, STARTED_MS);
    expect(lastMs(request)).toBe(-Infinity);
    sessions.answered(request, 60);
    expect([lastMs(request), lastMs(new RequestContext(positions, STARTED_MS))]).toEqual([60, -Infinity]);
  });

  it('belongs to no session while nobody knows whose request it is', () => {
    let key: string | undefined;
    const request = new RequestContext(positions, STARTED_MS);
    request.attach(
      new SessionHandle({ store: memory, ttlMs: 30_000, timeoutMs: 250, resolveKey: () => key }),
    );
    expect(lastMs(request)).toBe(STARTED_MS);
    key = 'ann';
    expect(lastMs(request)).toBe(50);
  });

  it('counts other sightings from when it is asked for', () => {
    const request = requestOf('ann');
    sessions.answered(request, 60);
    request.ledger.addSighting();
    nowMs = 80;
    expect(lastMs(request)).toBe(80);
    nowMs = 90;
    expect(lastMs(request)).toBe(80);
  });

  it("is covered by a newcomer's position, whatever key it gets", () => {
    const request = requestOf(null);
    sessions.answered(request, 60);
    expect(request.ledger.hasUncoveredSightings).toBe(true);
  });

  it('binds the request to a cached answer that not all nodes have', async () => {
    const request = requestOf('ann');
    sessions.cached(request, 'entry', { position: 9n, isEverywhere: true });
    await request.writesCaptured();
    expect(request.ledger.position).toBeUndefined();
    sessions.cached(request, 'entry', { position: 9n, isEverywhere: false });
    await request.writesCaptured();
    expect(request.ledger.position).toBe(9n);
  });

  it('knows the cached answer that was shown last', () => {
    const request = requestOf('ann');
    const log = sessions.logOf(request);
    const before = log.shown;
    sessions.answered(request, 60);
    log.cached('made of it', before);
    expect(sessions.logOf(requestOf('ann')).shown.lastEntry).toBe('made of it');
    sessions.cached(request, 'another', { position: 9n, isEverywhere: true });
    expect(log.shown).toMatchObject({ lastEntry: 'another', cachedPosition: 9n, lastMs: 60 });
    sessions.answered(request, 61);
    expect(log.shown.lastEntry).toBeUndefined();
  });

  it('does not take a cached answer for the last one if others came meanwhile', () => {
    const request = requestOf('ann');
    const log = sessions.logOf(request);
    const before = log.shown;
    sessions.answered(request, 60);
    sessions.answered(requestOf('ann'), 61);
    log.cached('made of the first', before);
    expect(log.shown.lastEntry).toBeUndefined();
  });
});
