import { describe, expect, it } from '@jest/globals';
import type { NodeSnapshot, Topology } from '../topology/topology.js';
import { decideRoute } from './decide-route.js';
import type { NodeLoad } from './balancer.js';
import { LeastBusyBalancer } from './least-busy.balancer.js';
import { hashText, preferredBy } from './rendezvous.js';
import { PRIMARY_REASONS, REPLICA_REASONS, type RouteReason } from './route.js';
import type { Intent, RequestView, RouteQuery, RoutingLimits, SessionView, WaitKind } from './route-query.js';

/** Now, on the monotonic clock of these tests; the replicas were fresh 100 ms ago. */
const NOW_MS = 100_000;

const replica = (name: string, changes: Partial<NodeSnapshot> = {}): NodeSnapshot => ({
  name,
  role: 'replica',
  address: `${name}:5432`,
  health: 'up',
  position: 1_000n,
  freshAsOfMs: NOW_MS - 100,
  weight: 1,
  ...changes,
});

const PRIMARY: NodeSnapshot = { ...replica('primary'), role: 'primary', position: 2_000n };
const topologyOf = (...replicas: NodeSnapshot[]): Topology => ({
  version: 1,
  primary: PRIMARY,
  replicas,
  homes: [
    { name: 'r1', weight: 1 },
    { name: 'r2', weight: 1 },
  ],
});

const BOTH = topologyOf(replica('r1'), replica('r2'));
const R1_DOWN = topologyOf(replica('r1', { health: 'down' }), replica('r2'));
const WAITED: ReadonlySet<WaitKind> = new Set(['wait-for-replica']);
const BOTH_DOWN = topologyOf(replica('r1', { health: 'down' }), replica('r2', { health: 'down' }));

/** A key whose home, by hashing, is the replica. */
const keyOf = (home: string): number => {
  for (let index = 0; ; index++) {
    const hash = hashText(`session-${index}`);
    if (preferredBy(hash, BOTH.replicas).name === home) return hash;
  }
};

const intent = (changes: Partial<Intent> = {}): Intent => ({
  target: 'default',
  safeMethod: true,
  consistency: 'session',
  catchUpTimeoutMs: 0,
  preventWrites: false,
  ...changes,
});
const request = (changes: Partial<RequestView> = {}): RequestView => ({
  intent: intent(),
  startedMs: NOW_MS - 10,
  ownWritePending: false,
  hasWritten: changes.ownPosition !== undefined,
  transactionOpen: false,
  ...changes,
});
const session = (changes: Partial<SessionView> = {}): SessionView => ({
  keyHash: keyOf('r1'),
  status: 'loaded',
  onPrimary: false,
  ...changes,
});
const LIMITS: RoutingLimits = {
  defaultReadPreference: 'replica',
  maxLagMs: 10_000,
  minServing: 0,
  hardMaxLagMs: 29_000,
  catchUpTimeoutMs: 500,
  balancer: 'least-busy',
  fallback: 'primary',
};

const balancerWith = (
  random: () => number,
  load: (name: string) => NodeLoad = () => ({ inFlight: 0, latencyMs: 1 }),
): LeastBusyBalancer => new LeastBusyBalancer({ random, load });

const decide = (changes: Partial<RouteQuery>): ReturnType<typeof decideRoute> =>
  decideRoute({
    enabled: true,
    statement: 'read',
    primaryRunner: false,
    readOnlyTransaction: false,
    request: request(),
    topology: BOTH,
    limits: LIMITS,
    failed: [],
    waited: new Set(),
    nowMs: NOW_MS,
    balancer: balancerWith(() => 0),
    positionAfter: () => undefined,
    ...changes,
  });

interface Row {
  /** The row of the routing rule. */
  readonly row: number;
  readonly when: string;
  readonly query: Partial<RouteQuery>;
  readonly node: string;
  readonly reason: RouteReason;
}

const withIntent = (changes: Partial<Intent>, others: Partial<RequestView> = {}): Partial<RouteQuery> => ({
  request: request({ intent: intent(changes), ...others }),
});
const withSession = (
  changes: Partial<SessionView>,
  others: Partial<RequestView> = {},
): Partial<RouteQuery> => ({
  request: request({ session: session(changes), ...others }),
});
const AHEAD = { position: 1_500n };

/** The routing rule as data: the first row that applies decides. */
const TABLE: readonly Row[] = [
  { row: 1, when: 'routing is off', query: { enabled: false }, node: 'primary', reason: 'routing-disabled' },
  {
    row: 1,
    when: 'routing is off and it is a write',
    query: { enabled: false, statement: 'write' },
    node: 'primary',
    reason: 'routing-disabled',
  },
  {
    row: 1,
    when: 'routing is off though a replica was asked for',
    query: { enabled: false, ...withIntent({ target: 'replica' }) },
    node: 'primary',
    reason: 'routing-disabled',
  },

  { row: 2, when: 'it writes', query: { statement: 'write' }, node: 'primary', reason: 'write' },
  { row: 2, when: 'it locks', query: { statement: 'locking-read' }, node: 'primary', reason: 'locking-read' },
  {
    row: 2,
    when: 'it changes the session',
    query: { statement: 'session-change' },
    node: 'primary',
    reason: 'session-change',
  },
  {
    row: 2,
    when: 'it controls a transaction',
    query: { statement: 'transaction-control' },
    node: 'primary',
    reason: 'transaction-control',
  },
  {
    row: 2,
    when: 'it is not understood',
    query: { statement: 'unknown' },
    node: 'primary',
    reason: 'unknown-statement',
  },
  {
    row: 2,
    when: 'it writes though a replica was asked for',
    query: { statement: 'write', ...withIntent({ target: 'replica', consistency: 'eventual' }) },
    node: 'primary',
    reason: 'write',
  },

  {
    row: 3,
    when: 'a transaction is open in the request',
    query: { request: request({ transactionOpen: true }) },
    node: 'primary',
    reason: 'transaction',
  },
  {
    row: 3,
    when: 'a transaction is open though a replica was asked for',
    query: withIntent({ target: 'replica' }, { transactionOpen: true }),
    node: 'primary',
    reason: 'transaction',
  },
  {
    row: 3,
    when: "TypeORM asked for its primary's runner",
    query: { primaryRunner: true },
    node: 'primary',
    reason: 'primary-runner',
  },
  {
    row: 3,
    when: 'a transaction declared read-only begins',
    query: {
      statement: 'transaction-control',
      readOnlyTransaction: true,
      ...withIntent({ target: 'replica', consistency: 'eventual' }),
    },
    node: 'r1',
    reason: 'eventual',
  },
  {
    row: 3,
    when: 'a read-only transaction begins and no replica is up',
    query: {
      statement: 'transaction-control',
      readOnlyTransaction: true,
      topology: BOTH_DOWN,
      ...withIntent({ target: 'replica' }),
    },
    node: 'primary',
    reason: 'no-eligible-replica',
  },

  {
    row: 5,
    when: 'there is no request',
    query: { request: undefined },
    node: 'primary',
    reason: 'no-context',
  },

  {
    row: 6,
    when: 'the primary was forced',
    query: withIntent({ target: 'primary' }),
    node: 'primary',
    reason: 'forced-primary',
  },
  {
    row: 6,
    when: 'consistency is strong',
    query: withIntent({ consistency: 'strong' }),
    node: 'primary',
    reason: 'strong-consistency',
  },
  {
    row: 6,
    when: 'consistency is strong though a replica was asked for',
    query: withIntent({ target: 'replica', consistency: 'strong' }),
    node: 'primary',
    reason: 'strong-consistency',
  },

  {
    row: 7,
    when: 'the method may write',
    query: withIntent({ safeMethod: false }),
    node: 'primary',
    reason: 'unsafe-method',
  },
  {
    row: 7,
    when: 'the method may write but a replica was asked for',
    query: withIntent({ safeMethod: false, target: 'replica' }),
    node: 'r1',
    reason: 'session-free',
  },
  {
    row: 7,
    when: 'reads prefer the primary',
    query: { limits: { ...LIMITS, defaultReadPreference: 'primary' } },
    node: 'primary',
    reason: 'primary-preferred',
  },
  {
    row: 7,
    when: 'reads prefer the primary but a replica was asked for',
    query: { limits: { ...LIMITS, defaultReadPreference: 'primary' }, ...withIntent({ target: 'replica' }) },
    node: 'r1',
    reason: 'session-free',
  },

  {
    row: 8,
    when: 'a write of the request is not yet known',
    query: { request: request({ ownWritePending: true }) },
    node: 'primary',
    reason: 'own-write',
  },
  {
    row: 8,
    when: 'a write of the request is not yet known, and staleness is fine',
    query: withIntent({ target: 'replica', consistency: 'eventual' }, { ownWritePending: true }),
    node: 'primary',
    reason: 'own-write',
  },
  {
    row: 8,
    when: 'no replica has replayed the write of the request',
    query: { request: request({ ownPosition: 1_500n }) },
    node: 'primary',
    reason: 'own-write',
  },
  {
    row: 8,
    when: 'no replica has replayed the write of the request, eventual',
    query: withIntent({ consistency: 'eventual' }, { ownPosition: 1_500n }),
    node: 'primary',
    reason: 'own-write',
  },
  {
    row: 8,
    when: 'one replica has replayed the write of the request',
    query: {
      request: request({ ownPosition: 1_500n }),
      topology: topologyOf(replica('r1'), replica('r2', { position: 1_500n })),
    },
    node: 'r2',
    reason: 'own-write-replayed',
  },

  {
    row: 9,
    when: 'the session has written nothing',
    query: withSession({}),
    node: 'r1',
    reason: 'session-free',
  },
  {
    row: 9,
    when: 'the session is tied to the other replica',
    query: withSession({ keyHash: keyOf('r2') }),
    node: 'r2',
    reason: 'session-free',
  },
  {
    row: 9,
    when: 'no replica has replayed what the session wrote',
    query: withSession(AHEAD),
    node: 'primary',
    reason: 'session-ahead',
  },
  {
    row: 9,
    when: 'its replica has replayed exactly what the session wrote',
    query: withSession({ position: 1_000n }),
    node: 'r1',
    reason: 'session-replayed',
  },
  {
    row: 9,
    when: 'it lacks one byte',
    query: withSession({ position: 1_001n }),
    node: 'primary',
    reason: 'session-ahead',
  },
  {
    row: 9,
    when: 'only the other replica has replayed it: the session does not move for that',
    query: {
      ...withSession(AHEAD),
      topology: topologyOf(replica('r1'), replica('r2', { position: 1_500n })),
    },
    node: 'primary',
    reason: 'session-ahead',
  },
  {
    row: 9,
    when: 'it is noted to read from the other replica',
    query: withSession({ servedBy: 'r2' }),
    node: 'r2',
    reason: 'session-free',
  },
  {
    row: 9,
    when: 'the session must stay on the primary',
    query: withSession({ onPrimary: true }),
    node: 'primary',
    reason: 'session-unknown',
  },
  {
    row: 9,
    when: 'the store failed',
    query: withSession({ status: 'unavailable' }),
    node: 'primary',
    reason: 'session-unknown',
  },
  {
    row: 9,
    when: 'whose session it is comes later',
    query: withSession({ status: 'unresolved' }),
    node: 'primary',
    reason: 'session-unknown',
  },
  {
    row: 9,
    when: 'a session that is ahead asked for bounded data',
    query: {
      request: request({
        session: session(AHEAD),
        intent: intent({ consistency: 'bounded', maxStalenessMs: 5_000 }),
      }),
    },
    node: 'r1',
    reason: 'within-staleness',
  },

  {
    row: 9,
    when: 'its replica left, and the other has replayed all that anyone can have been shown',
    query: { ...withSession({}), topology: R1_DOWN, positionAfter: () => 1_000n },
    node: 'r2',
    reason: 'session-replayed',
  },
  {
    row: 9,
    when: 'its replica left, and the other still lacks what may have been shown after a wait',
    query: { ...withSession({}), topology: R1_DOWN, positionAfter: () => 1_001n, waited: WAITED },
    node: 'primary',
    reason: 'session-ahead',
  },
  {
    row: 9,
    when: 'its replica left, and what may have been shown cannot be learned',
    query: { ...withSession({}), topology: R1_DOWN, waited: new Set(['learn-position'] as const) },
    node: 'primary',
    reason: 'session-ahead',
  },
  {
    row: 9,
    when: 'the replica that it was noted to read from left again',
    query: {
      ...withSession({ servedBy: 'r1', keyHash: keyOf('r2') }),
      topology: R1_DOWN,
      positionAfter: () => 1_000n,
    },
    node: 'r2',
    reason: 'session-replayed',
  },

  {
    row: 10,
    when: 'the request read from the other replica with leave to be older, and the session from its own',
    query: withSession({}, { kept: { name: 'r2', lastReadMs: NOW_MS - 5, isAsked: false, isLenient: true } }),
    node: 'r1',
    reason: 'session-free',
  },
  {
    row: 10,
    when: 'the request keeps the replica of a read with leave to be older for the next such read',
    query: withIntent(
      { consistency: 'eventual' },
      { kept: { name: 'r2', lastReadMs: NOW_MS - 5, isAsked: false, isLenient: true } },
    ),
    node: 'r2',
    reason: 'eventual',
  },
  {
    row: 10,
    when: 'the request keeps its replica',
    query: {
      request: request({ kept: { name: 'r2', lastReadMs: NOW_MS - 5, isAsked: false, isLenient: false } }),
    },
    node: 'r2',
    reason: 'session-free',
  },
  {
    row: 10,
    when: 'the request already read from the primary',
    query: {
      request: request({
        kept: { name: 'primary', lastReadMs: NOW_MS - 5, isAsked: false, isLenient: false },
      }),
    },
    node: 'primary',
    reason: 'request-on-primary',
  },
  {
    row: 10,
    when: 'a replica has replayed all that the request saw on the primary',
    query: {
      request: request({
        kept: { name: 'primary', lastReadMs: NOW_MS - 5, isAsked: false, isLenient: false },
      }),
      positionAfter: () => 1_000n,
    },
    node: 'r1',
    reason: 'session-replayed',
  },
  {
    row: 10,
    when: 'the least busy of two',
    query: {
      balancer: balancerWith(
        () => 0.9,
        (name) => ({ inFlight: name === 'r1' ? 9 : 0, latencyMs: 1 }),
      ),
    },
    node: 'r2',
    reason: 'session-free',
  },
  {
    row: 10,
    when: 'data may be so old',
    query: withIntent({ consistency: 'bounded', maxStalenessMs: 100 }),
    node: 'r1',
    reason: 'within-staleness',
  },
  {
    row: 10,
    when: 'data may not be so old',
    query: withIntent({ consistency: 'bounded', maxStalenessMs: 99 }),
    node: 'primary',
    reason: 'no-eligible-replica',
  },
  {
    row: 10,
    when: 'any data will do',
    query: withIntent({ consistency: 'eventual' }),
    node: 'r1',
    reason: 'eventual',
  },
  {
    row: 10,
    when: 'one replica lags too much',
    query: { topology: topologyOf(replica('r1', { freshAsOfMs: NOW_MS - 10_001 }), replica('r2')) },
    node: 'r2',
    reason: 'session-free',
  },
  {
    row: 10,
    when: 'one replica lags just as much as it may',
    query: { topology: topologyOf(replica('r1', { freshAsOfMs: NOW_MS - 10_000 })) },
    node: 'r1',
    reason: 'session-free',
  },
  {
    row: 10,
    when: 'maxLagMs also limits a wider bound',
    query: {
      topology: topologyOf(replica('r1', { freshAsOfMs: NOW_MS - 10_001 })),
      ...withIntent({ consistency: 'bounded', maxStalenessMs: 60_000 }),
    },
    node: 'primary',
    reason: 'no-eligible-replica',
  },

  {
    row: 11,
    when: 'all replicas are down',
    query: { topology: BOTH_DOWN },
    node: 'primary',
    reason: 'no-eligible-replica',
  },
  {
    row: 11,
    when: 'no replica was probed yet',
    query: {
      topology: topologyOf(replica('r1', { health: 'unknown', position: undefined, freshAsOfMs: undefined })),
    },
    node: 'primary',
    reason: 'no-eligible-replica',
  },
  {
    row: 11,
    when: 'a replica told a position, but how old it is nobody knows',
    query: { topology: topologyOf(replica('r1', { freshAsOfMs: undefined })) },
    node: 'primary',
    reason: 'no-eligible-replica',
  },
  {
    row: 11,
    when: 'a replica is fresh but its position is unknown to a session that wrote',
    query: { ...withSession({ position: 1n }), topology: topologyOf(replica('r1', { position: undefined })) },
    node: 'primary',
    reason: 'session-ahead',
  },
  {
    row: 11,
    when: 'the only replica failed to answer this read',
    query: { failed: ['r1'], topology: topologyOf(replica('r1')) },
    node: 'primary',
    reason: 'replica-failed',
  },
  {
    row: 11,
    when: 'one of two failed to answer this read',
    query: { failed: ['r1'] },
    node: 'r2',
    reason: 'session-free',
  },
  {
    row: 11,
    when: 'there are no replicas',
    query: { topology: topologyOf() },
    node: 'primary',
    reason: 'no-eligible-replica',
  },
];

describe('the routing rule', () => {
  it.each(TABLE)('row $row: when $when, goes to $node ($reason)', ({ query, node, reason }) => {
    expect(decide(query)).toEqual({ kind: 'route', node, reason });
  });

  it('has a case for every reason that a decision can give', () => {
    // Given after a decision, by whoever ran the statement.
    const given = ['refused-by-replica', 'read-only-transaction'];
    const shown = new Set([...TABLE.map(({ reason }) => reason as string), ...given]);
    expect([...PRIMARY_REASONS, ...REPLICA_REASONS].filter((reason) => !shown.has(reason))).toEqual([]);
  });

  it('gives every primary reason to the primary and every replica reason to a replica', () => {
    for (const { node, reason } of TABLE) {
      expect([reason, node === 'primary']).toEqual([
        reason,
        (PRIMARY_REASONS as readonly string[]).includes(reason),
      ]);
    }
  });

  it('asks for the session to be loaded only where it matters', () => {
    const loading = session({ status: 'loading' });
    expect(decide({ request: request({ session: loading }) })).toEqual({ kind: 'load-session' });
    expect(decide({ statement: 'write', request: request({ session: loading }) })).toMatchObject({
      reason: 'write',
    });
    expect(decide({ request: request({ session: loading, ownWritePending: true }) })).toMatchObject({
      reason: 'own-write',
    });
  });

  it('learns what may have been shown before a session moves, and waits a moment for a replica to have it', () => {
    const moving = { ...withSession({}), topology: R1_DOWN };
    expect(decide(moving)).toEqual({ kind: 'learn-position' });
    expect(decide({ ...moving, positionAfter: () => 1_200n })).toMatchObject({
      kind: 'wait-for-replica',
      position: 1_200n,
    });
    const sinceMs: number[] = [];
    decide({ ...moving, positionAfter: (ms) => (sinceMs.push(ms), undefined) });
    decide({
      ...withSession({}, { kept: { name: 'r1', lastReadMs: NOW_MS - 3, isAsked: false, isLenient: false } }),
      topology: R1_DOWN,
      positionAfter: (ms) => (sinceMs.push(ms), undefined),
    });
    expect(sinceMs).toEqual([NOW_MS - 10, NOW_MS - 3]);
  });

  it('waits for a replica once, where that is allowed and one is eligible', () => {
    const ahead = { request: request({ intent: intent({ catchUpTimeoutMs: 50 }), session: session(AHEAD) }) };
    expect(decide(ahead)).toEqual({ kind: 'wait-for-replica', node: 'r1', position: 1_500n, timeoutMs: 50 });
    expect(decide({ ...ahead, waited: WAITED })).toMatchObject({ node: 'primary', reason: 'session-ahead' });
    expect(decide({ ...ahead, topology: BOTH_DOWN })).toMatchObject({ reason: 'no-eligible-replica' });
  });

  it('fails instead of asking the primary where the options say so, but not for a session that is ahead', () => {
    const limits: RoutingLimits = { ...LIMITS, fallback: 'error' };
    expect(decide({ topology: BOTH_DOWN, limits })).toEqual({
      kind: 'no-replica',
      reason: 'no-eligible-replica',
    });
    expect(decide({ failed: ['r1', 'r2'], limits })).toEqual({
      kind: 'no-replica',
      reason: 'replica-failed',
    });
    expect(decide({ ...withSession(AHEAD), limits })).toMatchObject({
      node: 'primary',
      reason: 'session-ahead',
    });
    expect(decide({ statement: 'write', topology: BOTH_DOWN, limits })).toMatchObject({ node: 'primary' });
  });
});

describe('all combinations', () => {
  it('never send anything but a plain read to a replica', () => {
    const flags = [true, false];
    for (const statement of [
      'write',
      'locking-read',
      'session-change',
      'transaction-control',
      'unknown',
    ] as const)
      for (const target of ['default', 'primary', 'replica'] as const)
        for (const consistency of ['strong', 'session', 'bounded', 'eventual'] as const)
          for (const safeMethod of flags)
            expect(
              decide({
                statement,
                ...withIntent({ target, consistency, safeMethod, maxStalenessMs: 9_000 }),
              }),
            ).toMatchObject({
              node: 'primary',
            });
  });

  it('never send a session to a replica that has not replayed what it wrote', () => {
    for (let sessionAt = 990n; sessionAt <= 1_010n; sessionAt++)
      for (let firstAt = 990n; firstAt <= 1_010n; firstAt += 2n)
        for (let secondAt = 990n; secondAt <= 1_010n; secondAt += 5n) {
          const topology = topologyOf(
            replica('r1', { position: firstAt }),
            replica('r2', { position: secondAt }),
          );
          const decision = decide({ ...withSession({ position: sessionAt }), topology });
          if (decision.kind !== 'route') throw new Error(`no route but ${decision.kind}`);
          const node = [topology.primary, ...topology.replicas].find(({ name }) => name === decision.node);
          expect(node?.position ?? -1n).toBeGreaterThanOrEqual(sessionAt);
        }
  });
});
