import { beforeEach, describe, expect, it } from '@jest/globals';
import type { Intent, SessionView } from '../routing/route-query.js';
import { MemorySessionStore } from '../session/memory.store.js';
import { SessionClock } from '../session/session-clock.js';
import type { SessionState } from '../session/session-state.js';
import type { SessionStore } from '../session/session-store.js';
import { SessionTable } from '../session/session-table.js';
import { TokenCodec } from '../session/token-codec.js';
import { noteRead } from './note-read.js';
import { RequestContext } from './request-context.js';
import { SessionHandle } from './session-handle.js';
import { TokenSession } from './token-session.js';

const TTL_MS = 30_000;
const INTENT: Intent = {
  target: 'default',
  safeMethod: true,
  consistency: 'session',
  catchUpTimeoutMs: 0,
  preventWrites: false,
};
const NODES = { primary: { name: 'primary' }, homes: [{ name: 'r1', weight: 1 }] };

describe.each([31_000, 60_000, -31_000])('the wall clock steps by %s ms after a write, and', (step) => {
  let ahead: number;
  let clock: SessionClock;
  const wallMs = (): number => performance.timeOrigin + performance.now() + ahead;

  beforeEach(() => {
    ahead = 0;
    clock = new SessionClock({ keptMs: TTL_MS, wallMs });
  });

  function requestOf(): RequestContext {
    const positions = {
      sticky: { mode: 'position' },
      clock,
      unknownForMs: TTL_MS,
      capture: () => Promise.resolve(7n),
      hurry: () => undefined,
    } as const;
    return new RequestContext(positions, performance.now());
  }

  async function requestOn(store: SessionStore): Promise<RequestContext> {
    const request = requestOf();
    const session = new SessionHandle({ store, ttlMs: TTL_MS, timeoutMs: 1_000, resolveKey: () => 'ann' });
    void session.loaded();
    await session.loaded();
    request.attach(session);
    return request;
  }

  const viewOf = (request: RequestContext): SessionView | undefined => request.view(INTENT).session;

  async function write(request: RequestContext, isKnown = true): Promise<void> {
    request.ledger.begin();
    if (isKnown) request.wrote();
    else request.ledger.leaveUncovered();
    await request.settle();
  }

  it('a session in memory knows what it wrote', async () => {
    const store = new MemorySessionStore();
    await write(await requestOn(store));
    ahead += step;
    expect(viewOf(await requestOn(store))).toMatchObject({ position: 7n });
  });

  it('a write whose position nobody knows keeps its session on the primary', async () => {
    const store = new MemorySessionStore();
    await write(await requestOn(store), false);
    ahead += step;
    expect(viewOf(await requestOn(store))).toMatchObject({ onPrimary: true });
  });

  it('a token still counts', async () => {
    const codec = new TokenCodec([], 'default');
    const sessionOf = (token?: string): TokenSession =>
      new TokenSession({
        codec,
        clock,
        ttlMs: TTL_MS,
        token,
        memory: new SessionTable(),
        onForeignToken: () => undefined,
      });
    const session = sessionOf();
    await session.save({ position: 7n });
    const token = session.token();
    ahead += step;
    expect(sessionOf(token).view(clock.earliestMs())).toMatchObject({ position: 7n });
  });

  it('a session that a shared store does not know (any more) reads from the primary for a while', async () => {
    const states = new Map<string, SessionState>();
    const store: SessionStore = {
      load: (key) => states.get(key),
      save: (key, state) => void states.set(key, state),
    };
    expect(viewOf(await requestOn(store))).toMatchObject({ onPrimary: false });
    ahead += step;
    expect(viewOf(await requestOn(store))).toMatchObject({ onPrimary: true });
    states.set('ann', { position: 3n });
    expect(viewOf(await requestOn(store))).toMatchObject({ onPrimary: false, position: 3n });
    expect(viewOf(await requestOn(new MemorySessionStore()))).toMatchObject({ onPrimary: false });
  });

  it('the later of two notes of where a session reads counts', async () => {
    const memory = new MemorySessionStore();
    const store: SessionStore = { load: (key) => memory.load(key), save: (...args) => memory.save(...args) };
    const readFrom = async (node: string): Promise<void> => {
      const request = await requestOn(store);
      const route = { node, reason: 'session-replayed' } as const;
      noteRead({ request, intent: INTENT }, route, NODES, performance.now(), { renoteAfterMs: TTL_MS / 2 });
      await request.settle();
    };
    await readFrom('r1');
    ahead += step;
    await readFrom('r2');
    expect(viewOf(await requestOn(store))).toMatchObject({ servedBy: 'r2' });
  });
});
