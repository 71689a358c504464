import { beforeEach, describe, expect, it } from '@jest/globals';
import { homeOf } from '../routing/rendezvous.js';
import type { Intent } from '../routing/route-query.js';
import type { Route, RouteReason } from '../routing/route.js';
import type { SessionState } from '../session/session-state.js';
import type { Scope } from './context-storage.js';
import { noteChoice, noteFailure, noteRead, type KnownNodes } from './note-read.js';
import { SessionClock } from '../session/session-clock.js';
import { RequestContext } from './request-context.js';
import type { RequestSession } from './request-session.js';

const HOMES = ['r1', 'r2'].map((name) => ({ name, weight: 1 }));
const NODES = { primary: { name: 'primary' }, homes: HOMES };
const KEY_HASH = 1;
const HOME = homeOf(KEY_HASH, NODES) as string;
const OTHER = HOME === 'r1' ? 'r2' : 'r1';
const SETTINGS = { renoteAfterMs: 15_000 };

const intentOf = (consistency: Intent['consistency']): Intent => ({
  target: 'default',
  safeMethod: true,
  consistency,
  catchUpTimeoutMs: 0,
  preventWrites: false,
});

describe('noteRead', () => {
  let request: RequestContext;
  let saved: SessionState[];
  let session: { -readonly [K in keyof RequestSession]: RequestSession[K] };
  let captures: number;

  beforeEach(() => {
    captures = 0;
    saved = [];
    request = new RequestContext(
      {
        sticky: { mode: 'position' },
        clock: new SessionClock({ keptMs: 30_000 }),
        unknownForMs: 30_000,
        capture: () => Promise.resolve(BigInt(100 + ++captures)),
        hurry: () => undefined,
      },
      0,
    );
    session = {
      standing: 'known',
      mayBeSaved: true,
      isShared: false,
      isLocal: false,
      announce: () => undefined,
      bind: () => false,
      isBoundElsewhere: false,
      ttlMs: 30_000,
      view: () => ({ keyHash: KEY_HASH, status: 'loaded', onPrimary: false, isUnconfirmed: false }),
      loaded: () => Promise.resolve(),
      save: (state) => Promise.resolve(void saved.push(state)),
    };
    request.attach(session);
  });

  const read = (
    node: string,
    reason: RouteReason = 'session-free',
    consistency: Intent['consistency'] = 'session',
  ): void => readOf(NODES, node, { reason, consistency });
  const readOf = (
    nodes: KnownNodes,
    node: string,
    {
      reason = 'session-replayed',
      consistency = 'session',
    }: { reason?: RouteReason; consistency?: Intent['consistency'] } = {},
  ): void => noteRead({ request, intent: intentOf(consistency) }, { node, reason }, nodes, 50, SETTINGS);

  it('has nothing to save when a session reads from its own replica', async () => {
    read(HOME);
    expect(request.unsettled).toBe(false);
    await request.settle();
    expect([captures, saved]).toEqual([0, []]);
  });

  it('saves that a session has moved to another replica, and a position above what its other requests see', async () => {
    read(OTHER);
    await request.settle();
    expect(saved).toEqual([expect.objectContaining({ servedBy: OTHER, position: expect.any(BigInt) })]);
    expect(captures).toBe(1);
    await request.settle();
    expect(saved).toHaveLength(1);
  });

  it('learns a position if another request may have moved the session meanwhile', async () => {
    session.view = () => ({
      keyHash: KEY_HASH,
      status: 'loaded',
      onPrimary: false,
      isUnconfirmed: false,
      isOutdated: true,
    });
    read(HOME);
    await request.settle();
    expect([captures, saved]).toEqual([1, [expect.objectContaining({ servedBy: undefined })]]);
  });

  it('saves that a session reads from its new home if the homes changed recently', async () => {
    readOf({ ...NODES, formerHomes: [[{ name: OTHER, weight: 1 }]] }, HOME);
    await request.settle();
    expect(saved).toEqual([expect.objectContaining({ servedBy: HOME })]);
  });

  it('has nothing to save if the homes changed but not that of the session', () => {
    readOf({ ...NODES, formerHomes: [[{ name: HOME, weight: 1 }]] }, HOME);
    expect(request.unsettled).toBe(false);
  });

  it('saves where a session without a home reads', async () => {
    readOf({ ...NODES, homes: HOMES.map(({ name }) => ({ name, weight: 0 })) }, HOME);
    await request.settle();
    expect(saved).toEqual([expect.objectContaining({ servedBy: HOME })]);
  });

  it.each<[number, number]>([
    [10_000, 0],
    [12_000, 1],
  ])('notes a replica anew when it was noted %s ms ago: %s saves', async (ageMs, saves) => {
    session.view = () => ({
      keyHash: KEY_HASH,
      status: 'loaded',
      onPrimary: false,
      isUnconfirmed: false,
      servedBy: OTHER,
      servedAtMs: Date.now() - ageMs,
    });
    read(OTHER);
    await request.settle();
    expect(saved).toHaveLength(saves);
  });

  it.each<[RouteReason, Intent['consistency']]>([
    ['session-ahead', 'session'],
    ['forced-primary', 'session'],
    ['strong-consistency', 'strong'],
    ['transaction', 'session'],
  ])('saves a position that covers what was read on the primary (%s)', async (reason, consistency) => {
    read('primary', reason, consistency);
    read('primary', reason, consistency);
    expect(request.unsettled).toBe(true);
    await request.settle();
    expect(saved).toEqual([expect.objectContaining({ position: 101n })]);
    expect(captures).toBe(1);
  });

  it('saves nothing for reads that allow stale data, and does not take the session to their node', async () => {
    read('primary', 'no-eligible-replica', 'bounded');
    read(OTHER, 'eventual', 'eventual');
    await request.settle();
    expect(saved).toEqual([]);
    expect(request.view(intentOf('session')).kept).toMatchObject({ name: OTHER, allowsStale: true });
    read(HOME);
    read(OTHER, 'eventual', 'eventual');
    expect(request.view(intentOf('session')).kept).toMatchObject({ name: HOME, allowsStale: false });
  });

  it('keeps the node for a request without a session', () => {
    session.standing = 'none';
    session.view = () => undefined;
    read(OTHER, 'eventual', 'eventual');
    expect(request.view(intentOf('session')).kept).toMatchObject({ name: OTHER });
  });

  it('lets nothing bind that is read before the session is known', () => {
    session.standing = 'unresolved';
    read('primary', 'session-unknown');
    expect(request.unsettled).toBe(false);
    expect(request.view(intentOf('bounded')).kept).toBeUndefined();
  });

  it('waits for nothing if nothing can be saved', async () => {
    session.mayBeSaved = false;
    request.ledger.begin();
    request.wrote();
    read('primary', 'own-write');
    expect(request.unsettled).toBe(false);
    await request.settle();
    expect(saved).toEqual([]);
  });

  it('saves once for a write and the reads on the primary around it', async () => {
    read('primary', 'unsafe-method');
    request.ledger.begin();
    request.wrote();
    await request.settle();
    expect(saved).toEqual([expect.objectContaining({ position: 101n })]);
    expect(captures).toBe(1);
  });

  it('waits for a save under way when it is settled again', async () => {
    let finish = (): void => undefined;
    session.save = () => new Promise((resolve) => (finish = resolve));
    read(OTHER);
    const first = request.settle();
    await new Promise(setImmediate);
    expect(request.unsettled).toBe(true);
    let isSecondDone = false;
    const second = request.settle().then(() => (isSecondDone = true));
    await new Promise(setImmediate);
    expect(isSecondDone).toBe(false);
    finish();
    await Promise.all([first, second]);
    expect(request.unsettled).toBe(false);
  });
});

describe('noteFailure', () => {
  let request: RequestContext;

  beforeEach(() => {
    request = new RequestContext(
      {
        sticky: { mode: 'position' },
        clock: new SessionClock({ keptMs: 30_000 }),
        unknownForMs: 30_000,
        capture: () => Promise.resolve(1n),
        hurry: () => undefined,
      },
      0,
    );
  });

  const scope = (consistency: Intent['consistency'] = 'session'): Scope => ({
    request,
    intent: intentOf(consistency),
  });
  const kept = (): string | undefined => request.view(intentOf('session')).kept?.name;
  const route = (node: string): Route => ({ node, reason: 'session-free' });

  it('lets a request choose again if its first node failed before it showed anything', () => {
    noteChoice(scope(), route('r1'), 1);
    noteFailure(scope(), route('r1'));
    expect(kept()).toBeUndefined();
    noteChoice(scope(), route('r2'), 2);
    expect(kept()).toBe('r2');
  });

  it('keeps a node that answered before it failed', () => {
    noteChoice(scope(), route('r1'), 1);
    noteRead(scope(), route('r1'), NODES, 2, SETTINGS);
    noteFailure(scope(), route('r1'));
    expect(kept()).toBe('r1');
  });

  it('keeps a node that another read chose meanwhile', () => {
    noteChoice(scope(), route('r1'), 1);
    noteFailure(scope(), route('r1'));
    noteChoice(scope(), route('r2'), 2);
    noteFailure(scope(), route('r1'));
    expect(kept()).toBe('r2');
  });

  it('goes back to the node that reads of stale data had kept', () => {
    noteRead(scope('eventual'), route('r1'), NODES, 1, SETTINGS);
    noteChoice(scope(), route('r2'), 2);
    expect(kept()).toBe('r2');
    noteFailure(scope(), route('r2'));
    expect(kept()).toBe('r1');
  });
});
