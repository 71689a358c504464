import { describe, expect, it } from '@jest/globals';
import {
  BOTH,
  decide,
  homesOf,
  intent,
  keyOf,
  LIMITS,
  NOW_MS,
  PRIMARY,
  replica,
  request,
  session,
  topologyOf,
  withIntent,
  withSession,
} from '../../../../test/support/routing/route-queries.js';
import type { Topology } from '../topology/topology.js';
import { hashText, homeOf, UNKNOWN_HOME } from './rendezvous.js';
import type { RouteQuery, RoutingLimits, WaitKind } from './route-query.js';

const LEARNED: ReadonlySet<WaitKind> = new Set(['learn-position']);
const PROBED: ReadonlySet<WaitKind> = new Set(['probe-primary']);
const WAITED: ReadonlySet<WaitKind> = new Set(['learn-position', 'wait-for-replica']);

describe('a session that asks for another replica than it reads from', () => {
  const asking: Partial<RouteQuery> = {
    request: request({ session: session(), intent: intent({ selection: [{ by: 'name', name: 'r2' }] }) }),
  };

  it('learns what it may have been shown, waits for that replica to have it, and reads there', () => {
    expect(decide(asking)).toEqual({ kind: 'learn-position' });
    const learned = { ...asking, positionAfter: () => 1_200n, waited: LEARNED };
    expect(decide(learned)).toMatchObject({ kind: 'wait-for-replica', node: 'r2', position: 1_200n });
    expect(decide({ ...learned, waited: WAITED })).toMatchObject({
      node: 'primary',
      reason: 'session-ahead',
    });
    const topology = topologyOf(replica('r1'), replica('r2', { position: 1_200n }));
    expect(decide({ ...learned, topology })).toMatchObject({ node: 'r2', reason: 'session-replayed' });
  });

  it('waits for that replica, not for the one that has all', () => {
    const ahead = { ...asking.request, session: session({ position: 1_500n }) } as RouteQuery['request'];
    const topology = topologyOf(replica('r1', { position: 1_500n }), replica('r2'));
    expect(
      decide({
        topology,
        request: ahead && { ...ahead, intent: { ...ahead.intent, catchUpTimeoutMs: 50 } },
      }),
    ).toEqual({ kind: 'wait-for-replica', node: 'r2', position: 1_500n, timeoutMs: 50 });
  });

  it('goes on there once it was noted', () => {
    const noted = { ...asking.request, session: session({ servedBy: 'r2' }) } as RouteQuery['request'];
    expect(decide({ request: noted })).toMatchObject({ node: 'r2', reason: 'session-free' });
  });

  it('goes back within one request only to what has all that it was shown there', () => {
    const kept = { name: 'reports', lastReadMs: NOW_MS - 3, isForced: false, allowsStale: false };
    const topology = topologyOf(replica('r1'), replica('r2'), replica('reports', { weight: 0 }));
    const back = { ...withSession({}, { kept }), topology };
    expect(decide(back)).toEqual({ kind: 'learn-position' });
    const sinceMs: number[] = [];
    const decision = decide({ ...back, positionAfter: (ms) => (sinceMs.push(ms), 1_000n) });
    expect(decision).toMatchObject({ node: 'r1', reason: 'session-replayed' });
    expect(sinceMs).toEqual([NOW_MS - 3]);
  });
});

describe('a session without a note, when the homes have changed of late', () => {
  const homes = homesOf('r1', 'r2', 'r3');
  const changed: Topology = {
    ...topologyOf(replica('r1'), replica('r2'), replica('r3')),
    homes,
    formerHomes: [homesOf('r1', 'r2')],
  };
  const keyThat = (isMoved: boolean): number => {
    for (let index = 0; ; index++) {
      const hash = hashText(`session-${index}`);
      if ((homeOf(hash, changed) === UNKNOWN_HOME) === isMoved) return hash;
    }
  };

  it('is where it was if its home is the same', () => {
    const keyHash = keyThat(false);
    expect(decide({ ...withSession({ keyHash }), topology: changed })).toMatchObject({
      node: homeOf(keyHash, { homes }),
      reason: 'session-free',
    });
  });

  it('reads from a node that has all that anyone can have been shown if its home is another one', () => {
    const moved = { ...withSession({ keyHash: keyThat(true) }), topology: changed };
    expect(decide(moved)).toEqual({ kind: 'learn-position' });
    expect(decide({ ...moved, positionAfter: () => 1_000n })).toMatchObject({
      node: 'r3',
      reason: 'session-replayed',
    });
    expect(decide({ ...moved, positionAfter: () => 1_001n, waited: WAITED })).toMatchObject({
      node: 'primary',
    });
  });

  it('is where its note says, wherever its home is', () => {
    const noted = withSession({ keyHash: keyThat(true), servedBy: 'r3' });
    expect(decide({ ...noted, topology: changed })).toMatchObject({ node: 'r3', reason: 'session-free' });
  });

  it('moves if its note names a node that has left', () => {
    expect(decide(withSession({ servedBy: 'r9' }))).toEqual({ kind: 'learn-position' });
  });
});

describe('a session that reads from another region, with the balancer nearest', () => {
  const limits: RoutingLimits = { ...LIMITS, balancer: 'nearest', region: 'eu' };
  const regions = (changes = {}): Topology =>
    topologyOf(
      replica('r1', { region: 'us', lagMs: 0 }),
      replica('r2', { region: 'eu', lagMs: 0, ...changes }),
    );
  const abroad: Partial<RouteQuery> = { ...withSession({}), topology: regions(), limits };

  it('moves once to the own region', () => {
    expect(decide(abroad)).toEqual({ kind: 'probe-primary' });
    const learned = { ...abroad, positionAfter: () => 1_100n };
    expect(decide(learned)).toEqual({
      kind: 'wait-for-replica',
      node: 'r2',
      position: 1_100n,
      timeoutMs: 50,
    });
    expect(decide({ ...learned, topology: regions({ position: 1_100n }) })).toMatchObject({
      node: 'r2',
      reason: 'session-replayed',
    });
    expect(decide({ ...abroad, ...withSession({ servedBy: 'r2' }) })).toMatchObject({ node: 'r2' });
  });

  it.each<[string, Partial<RouteQuery>]>([
    ['no replica of the region can have it soon', { topology: regions({ lagMs: 51 }) }],
    ['none of the region is up', { topology: regions({ health: 'down' }) }],
    ['the position cannot be learned', { waited: PROBED }],
    ['it waited in vain', { positionAfter: () => 1_100n, waited: WAITED }],
    ['the primary is away', { topology: { ...regions(), primary: { ...PRIMARY, health: 'down' } } }],
    [
      'this request has read there',
      withSession({}, { kept: { name: 'r1', lastReadMs: NOW_MS - 1, isForced: false, allowsStale: false } }),
    ],
    ['the balancer is another one', { limits: { ...limits, balancer: 'least-busy' } }],
    ['the application has no region', { limits: { ...limits, region: undefined } }],
    [
      'it is the own region',
      { ...withSession({ keyHash: keyOf('r1') }), limits: { ...limits, region: 'us' } },
    ],
  ])('goes on there while %s', (_, changes) => {
    expect(decide({ ...abroad, ...changes })).toMatchObject({ node: 'r1', reason: 'session-free' });
  });

  it('goes on there when it asked for it', () => {
    const selection = [{ by: 'region', region: 'us' }] as const;
    const asked = { request: request({ session: session(), intent: intent({ selection }) }) };
    expect(decide({ ...abroad, ...asked })).toMatchObject({ node: 'r1', reason: 'session-free' });
  });

  it('moves within the region when its replica leaves', () => {
    const topology = topologyOf(
      replica('r1', { health: 'down', region: 'eu' }),
      replica('r2', { region: 'us' }),
      replica('r3', { region: 'eu' }),
    );
    for (const keyHash of [1, 2, 3, 4, 5, 6])
      expect(
        decide({
          ...withSession({ keyHash, servedBy: 'r1' }),
          topology,
          limits,
          positionAfter: () => 1_000n,
        }),
      ).toMatchObject({ node: 'r3' });
  });
});

describe('while the primary is away', () => {
  const away: Topology = { ...BOTH, primary: { ...PRIMARY, health: 'down', freshAsOfMs: NOW_MS - 50 } };

  it('a session that is ahead waits for its replica though nothing says so', () => {
    const ahead = { ...withSession({ position: 1_500n }), topology: away };
    expect(decide(ahead)).toEqual({ kind: 'wait-for-replica', node: 'r1', position: 1_500n, timeoutMs: 500 });
    expect(decide({ ...ahead, topology: BOTH })).toMatchObject({ node: 'primary' });
  });

  it('so does a read whose request has written', () => {
    const wrote = withIntent({ consistency: 'eventual' }, { ownPosition: 1_500n });
    expect(decide({ ...wrote, topology: away })).toMatchObject({ kind: 'wait-for-replica', timeoutMs: 500 });
    expect(decide({ ...wrote, failed: ['primary'] })).toMatchObject({ kind: 'wait-for-replica' });
  });

  it('nothing is learned of it', () => {
    const topology = { ...away, replicas: [replica('r1', { health: 'down' }), replica('r2')] };
    expect(decide({ ...withSession({}), topology })).toMatchObject({
      node: 'primary',
      reason: 'session-ahead',
    });
  });

  it('reads fail where the options say so', () => {
    const topology = { ...away, replicas: [replica('r1', { health: 'down' })] };
    const limits: RoutingLimits = { ...LIMITS, fallback: 'error' };
    expect(decide({ topology, limits })).toEqual({ kind: 'no-replica', reason: 'no-eligible-replica' });
    expect(decide({ topology: away, limits, failed: ['primary', 'r1', 'r2'] })).toMatchObject({
      kind: 'no-replica',
      reason: 'replica-failed',
    });
    expect(decide({ topology, limits, failed: ['primary'] })).toMatchObject({
      reason: 'no-eligible-replica',
    });
  });
});

describe('a session that has read from the primary for a while', () => {
  const behindSinceMs = NOW_MS - 1_000;
  const ahead = request({ session: session({ position: 1_500n }) });
  const lagging = (lagMs: number): Topology =>
    topologyOf(
      ...['r1', 'r2'].map((name) => replica(name, { position: 1_400n, lagMs, freshAsOfMs: NOW_MS - lagMs })),
    );

  it('waits for its replica once it has stayed for longer than that lags', () => {
    const topology = lagging(300);
    expect(decide({ request: ahead, topology, behindSinceMs })).toMatchObject({
      kind: 'wait-for-replica',
      position: 1_500n,
      timeoutMs: LIMITS.catchUpTimeoutMs,
    });
    for (const sinceMs of [undefined, NOW_MS - 200])
      expect(decide({ request: ahead, topology, behindSinceMs: sinceMs })).toMatchObject({ node: 'primary' });
    expect(decide({ request: ahead, topology, behindSinceMs, waited: WAITED })).toMatchObject({
      node: 'primary',
      reason: 'session-ahead',
    });
  });

  it('does not wait for one that lags more than a read may wait', () => {
    const topology = lagging(LIMITS.catchUpTimeoutMs + 1);
    expect(decide({ request: ahead, topology, behindSinceMs: NOW_MS - 9_000 })).toMatchObject({
      node: 'primary',
    });
  });

  it('within one request, too', () => {
    const kept = { name: 'primary', lastReadMs: NOW_MS - 3, isForced: false, allowsStale: false };
    const query = { request: request({ kept }), topology: lagging(300), behindSinceMs };
    expect(decide(query)).toMatchObject({ kind: 'learn-position' });
    expect(decide({ ...query, positionAfter: () => 1_500n, waited: LEARNED })).toMatchObject({
      kind: 'wait-for-replica',
      position: 1_500n,
    });
  });
});

describe('a session that has moved, as far as other processes may know, just now', () => {
  const moved = (notedForMs: number | undefined, changes: Partial<RouteQuery> = {}): Partial<RouteQuery> => ({
    ...withSession({ servedBy: 'r2', notedForMs }),
    ...changes,
  });

  it('reads from its new replica what the primary had when the request began', () => {
    expect(decide(moved(-3_900))).toEqual({ kind: 'probe-primary' });
    const known = { positionAfter: () => 1_200n, waited: PROBED };
    expect(decide(moved(-3_900, known))).toMatchObject({
      kind: 'wait-for-replica',
      node: 'r2',
      position: 1_200n,
    });
    const topology = topologyOf(replica('r1'), replica('r2', { position: 1_200n }));
    expect(decide(moved(-3_900, { ...known, topology }))).toMatchObject({ node: 'r2' });
    expect(decide(moved(-3_900, { ...known, waited: WAITED }))).toMatchObject({
      node: 'primary',
      reason: 'session-ahead',
    });
    expect(decide(moved(-3_900, { waited: PROBED }))).toMatchObject({ node: 'primary' });
  });

  it('reads there as it is when its data is younger than that', () => {
    expect(decide(moved(10_000))).toMatchObject({ node: 'r2', reason: 'session-free' });
  });

  it('reads there at once where no other process serves it, and where the request has read there', () => {
    expect(decide(moved(undefined))).toMatchObject({ node: 'r2' });
    const kept = { name: 'r2', lastReadMs: NOW_MS, isForced: false, allowsStale: false };
    expect(decide(withSession({ servedBy: 'r2', notedForMs: -3_900 }, { kept }))).toMatchObject({
      node: 'r2',
    });
  });
});
