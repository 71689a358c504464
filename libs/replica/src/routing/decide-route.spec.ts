import { describe, expect, it } from '@jest/globals';
import {
  balancerWith,
  BOTH,
  decide,
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
import type { NodeSnapshot, Topology } from '../topology/topology.js';
import type { ReplicaFilter } from './replica-filter.js';
import { PRIMARY_REASONS, REPLICA_REASONS, type RouteReason } from './route.js';
import type { RouteQuery, RoutingLimits, WaitKind } from './route-query.js';

const R1_DOWN = topologyOf(replica('r1', { health: 'down' }), replica('r2'));
const WAITED: ReadonlySet<WaitKind> = new Set(['wait-for-replica']);
const BOTH_DOWN = topologyOf(replica('r1', { health: 'down' }), replica('r2', { health: 'down' }));

interface Row {
  /** The row of the routing rule that the case belongs to. */
  readonly row: number;
  readonly when: string;
  readonly query: Partial<RouteQuery>;
  readonly node: string;
  readonly reason: RouteReason;
}

const AHEAD = { position: 1_500n };

/** The part of a query that asks for these replicas. */
const selecting = (...selection: ReplicaFilter[]): Partial<RouteQuery> =>
  withIntent({ target: 'replica', selection });

/** Adds a replica that answers only reads which ask for it. */
const WITH_REPORTS = topologyOf(
  replica('r1'),
  replica('r2'),
  replica('reports', { weight: 0, tags: { usage: 'reports', size: 'l' } }),
);
const REGIONS = topologyOf(replica('r1', { region: 'us' }), replica('r2', { region: 'eu' }));
const LAGGING = topologyOf(
  replica('r1', { freshAsOfMs: NOW_MS - 14_000 }),
  replica('r2', { freshAsOfMs: NOW_MS - 12_000 }),
);
const JUST_AWAY: NodeSnapshot = { ...PRIMARY, health: 'down', freshAsOfMs: NOW_MS - 2_000 };
/** The primary last answered 15 s ago, and the replicas lagged 100 ms then. */
const AWAY: Topology = {
  ...topologyOf(
    replica('r1', { freshAsOfMs: NOW_MS - 15_100 }),
    replica('r2', { freshAsOfMs: NOW_MS - 15_100 }),
  ),
  primary: { ...PRIMARY, health: 'down', freshAsOfMs: NOW_MS - 15_000 },
};

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
    row: 4,
    when: 'a rule names the primary',
    query: { tableRule: 'primary' },
    node: 'primary',
    reason: 'table-rule',
  },
  {
    row: 4,
    when: 'a rule names the primary though a replica was asked for',
    query: { tableRule: 'primary', ...withIntent({ target: 'replica', consistency: 'eventual' }) },
    node: 'primary',
    reason: 'table-rule',
  },
  {
    row: 4,
    when: 'a rule names a replica that is the primary now',
    query: { tableRule: 'r1', topology: { ...R1_DOWN, primary: { ...PRIMARY, name: 'r1' } } },
    node: 'r1',
    reason: 'table-rule',
  },
  {
    row: 4,
    when: 'a rule names the primary and the read-only transaction may read what it names',
    query: { tableRule: 'primary', statement: 'transaction-control', readOnlyTransaction: true },
    node: 'primary',
    reason: 'table-rule',
  },
  { row: 4, when: 'a rule names a replica', query: { tableRule: 'r2' }, node: 'r2', reason: 'table-rule' },
  {
    row: 4,
    when: 'a rule names a replica of weight 0',
    query: { tableRule: 'reports', topology: WITH_REPORTS },
    node: 'reports',
    reason: 'table-rule',
  },
  {
    row: 4,
    when: 'a rule names a replica, and there is no request',
    query: { tableRule: 'r2', request: undefined },
    node: 'r2',
    reason: 'table-rule',
  },
  {
    row: 4,
    when: 'a rule names a replica, and the method may write',
    query: { tableRule: 'r2', ...withIntent({ safeMethod: false }) },
    node: 'r2',
    reason: 'table-rule',
  },
  {
    row: 4,
    when: 'a rule names a replica, and reads prefer the primary',
    query: { tableRule: 'r2', limits: { ...LIMITS, defaultReadPreference: 'primary' } },
    node: 'r2',
    reason: 'table-rule',
  },
  {
    row: 4,
    when: 'a rule names a replica but the primary was forced',
    query: { tableRule: 'r2', ...withIntent({ target: 'primary' }) },
    node: 'primary',
    reason: 'forced-primary',
  },
  {
    row: 4,
    when: 'a rule names a replica but consistency is strong',
    query: { tableRule: 'r2', ...withIntent({ consistency: 'strong' }) },
    node: 'primary',
    reason: 'strong-consistency',
  },
  {
    row: 4,
    when: 'a rule names a replica but it writes',
    query: { tableRule: 'r2', statement: 'write' },
    node: 'primary',
    reason: 'write',
  },
  {
    row: 4,
    when: 'a rule names a replica but the write of the request is not yet known',
    query: { tableRule: 'r2', request: request({ ownWritePending: true }) },
    node: 'primary',
    reason: 'own-write',
  },
  {
    row: 4,
    when: 'a rule names a replica that has not replayed what the session wrote',
    query: { tableRule: 'r1', ...withSession(AHEAD) },
    node: 'primary',
    reason: 'session-ahead',
  },
  {
    row: 4,
    when: 'a rule names a replica that has all that the session can have been shown elsewhere',
    query: { tableRule: 'r2', ...withSession({}), positionAfter: () => 1_000n },
    node: 'r2',
    reason: 'table-rule',
  },
  {
    row: 4,
    when: 'a rule names a replica that lacks what the session may have been shown elsewhere',
    query: { tableRule: 'r2', ...withSession({}), positionAfter: () => 1_001n, waited: WAITED },
    node: 'primary',
    reason: 'session-ahead',
  },
  {
    row: 4,
    when: 'a rule names a replica that is down',
    query: { tableRule: 'r1', topology: R1_DOWN },
    node: 'primary',
    reason: 'no-eligible-replica',
  },
  {
    row: 4,
    when: 'a rule names a replica, and another one was asked for',
    query: { tableRule: 'r2', ...withIntent({ target: 'replica', selection: [{ by: 'name', name: 'r1' }] }) },
    node: 'r2',
    reason: 'table-rule',
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
    query: withSession(
      {},
      { kept: { name: 'r2', lastReadMs: NOW_MS - 5, isForced: false, allowsStale: true } },
    ),
    node: 'r1',
    reason: 'session-free',
  },
  {
    row: 10,
    when: 'the request keeps the replica of a read with leave to be older for the next such read',
    query: withIntent(
      { consistency: 'eventual' },
      { kept: { name: 'r2', lastReadMs: NOW_MS - 5, isForced: false, allowsStale: true } },
    ),
    node: 'r2',
    reason: 'eventual',
  },
  {
    row: 10,
    when: 'the request keeps its replica',
    query: {
      request: request({ kept: { name: 'r2', lastReadMs: NOW_MS - 5, isForced: false, allowsStale: false } }),
    },
    node: 'r2',
    reason: 'session-free',
  },
  {
    row: 10,
    when: 'the request already read from the primary',
    query: {
      request: request({
        kept: { name: 'primary', lastReadMs: NOW_MS - 5, isForced: false, allowsStale: false },
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
        kept: { name: 'primary', lastReadMs: NOW_MS - 5, isForced: false, allowsStale: false },
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
    row: 10,
    when: 'a replica was asked for by its name',
    query: selecting({ by: 'name', name: 'r2' }),
    node: 'r2',
    reason: 'session-free',
  },
  {
    row: 10,
    when: 'the first that was asked for is down',
    query: { ...selecting({ by: 'name', name: 'r1' }, { by: 'name', name: 'r2' }), topology: R1_DOWN },
    node: 'r2',
    reason: 'session-free',
  },
  {
    row: 10,
    when: 'the first that was asked for failed to answer this read',
    query: { ...selecting({ by: 'name', name: 'r1' }, { by: 'name', name: 'r2' }), failed: ['r1'] },
    node: 'r2',
    reason: 'session-free',
  },
  {
    row: 10,
    when: 'none that was asked for is up, though others are',
    query: { ...selecting({ by: 'name', name: 'r1' }), topology: R1_DOWN },
    node: 'primary',
    reason: 'no-eligible-replica',
  },
  {
    row: 10,
    when: 'a replica of weight 0 was asked for by its name',
    query: { ...selecting({ by: 'name', name: 'reports' }), topology: WITH_REPORTS },
    node: 'reports',
    reason: 'session-free',
  },
  {
    row: 10,
    when: 'a replica of weight 0 was asked for by its labels',
    query: { ...selecting({ by: 'tags', tags: { usage: 'reports', size: 'l' } }), topology: WITH_REPORTS },
    node: 'reports',
    reason: 'session-free',
  },
  {
    row: 10,
    when: 'no replica has all the labels, but any will do then',
    query: {
      ...selecting({ by: 'tags', tags: { usage: 'reports', size: 's' } }, { by: 'tags', tags: {} }),
      topology: WITH_REPORTS,
    },
    node: 'r1',
    reason: 'session-free',
  },
  {
    row: 10,
    when: 'no replica has the labels',
    query: { ...selecting({ by: 'tags', tags: { size: 's' } }), topology: WITH_REPORTS },
    node: 'primary',
    reason: 'no-eligible-replica',
  },
  {
    row: 10,
    when: 'a region was asked for',
    query: { ...selecting({ by: 'region', region: 'eu' }), topology: REGIONS },
    node: 'r2',
    reason: 'session-free',
  },
  {
    row: 10,
    when: 'a region was asked for in which a replica of weight 0 stands alone',
    query: {
      ...selecting({ by: 'region', region: 'eu' }),
      topology: topologyOf(replica('r1'), replica('r2', { region: 'eu', weight: 0 })),
    },
    node: 'primary',
    reason: 'no-eligible-replica',
  },
  {
    row: 10,
    when: 'data may be older, and a replica was asked for that the session does not read from',
    query: {
      request: request({
        session: session(AHEAD),
        intent: intent({ consistency: 'eventual', selection: [{ by: 'name', name: 'r2' }] }),
      }),
    },
    node: 'r2',
    reason: 'eventual',
  },
  {
    row: 10,
    when: 'a replica was asked for that has all that the session can have been shown elsewhere',
    query: {
      request: request({ session: session(), intent: intent({ selection: [{ by: 'name', name: 'r2' }] }) }),
      positionAfter: () => 1_000n,
    },
    node: 'r2',
    reason: 'session-replayed',
  },
  {
    row: 10,
    when: 'the session reads from a replica of weight 0, which nobody asks for now',
    query: { ...withSession({ servedBy: 'reports' }), topology: WITH_REPORTS, positionAfter: () => 1_000n },
    node: 'r1',
    reason: 'session-replayed',
  },
  {
    row: 10,
    when: 'a replica has weight 0',
    query: { topology: topologyOf(replica('r1', { weight: 0 }), replica('r2')) },
    node: 'r2',
    reason: 'session-free',
  },
  {
    row: 10,
    when: 'all replicas have weight 0',
    query: { topology: topologyOf(replica('r1', { weight: 0 }), replica('r2', { weight: 0 })) },
    node: 'primary',
    reason: 'no-eligible-replica',
  },
  {
    row: 10,
    when: 'a replica is being taken out',
    query: { topology: topologyOf(replica('r1', { isDraining: true }), replica('r2')) },
    node: 'r2',
    reason: 'session-free',
  },
  {
    row: 10,
    when: 'a replica lagged too much a moment ago',
    query: { topology: topologyOf(replica('r1', { isTooOld: true }), replica('r2')) },
    node: 'r2',
    reason: 'session-free',
  },
  {
    row: 10,
    when: 'a replica lagged too much a moment ago, and has to serve all the same',
    query: {
      topology: topologyOf(replica('r1', { isTooOld: true })),
      limits: { ...LIMITS, minServing: 1 },
    },
    node: 'r1',
    reason: 'session-free',
  },
  {
    row: 10,
    when: 'a replica lagged too much a moment ago, and another one serves',
    query: {
      topology: topologyOf(replica('r1', { isTooOld: true }), replica('r2', { freshAsOfMs: NOW_MS - 9_000 })),
      limits: { ...LIMITS, minServing: 1 },
    },
    node: 'r2',
    reason: 'session-free',
  },
  {
    row: 10,
    when: 'all lag too much, and the freshest has to serve all the same',
    query: { topology: LAGGING, limits: { ...LIMITS, minServing: 1 } },
    node: 'r2',
    reason: 'session-free',
  },
  {
    row: 10,
    when: 'all lag too much to serve in any case',
    query: { topology: LAGGING, limits: { ...LIMITS, minServing: 2, hardMaxLagMs: 11_000 } },
    node: 'primary',
    reason: 'no-eligible-replica',
  },
  {
    row: 10,
    when: 'enough are fresh, and one lags too much',
    query: {
      topology: topologyOf(replica('r1', { freshAsOfMs: NOW_MS - 12_000 }), replica('r2')),
      limits: { ...LIMITS, minServing: 1 },
      request: request({ session: session({ servedBy: 'r1' }) }),
      positionAfter: () => 1_000n,
    },
    node: 'r2',
    reason: 'session-replayed',
  },
  {
    row: 10,
    when: 'all lag too much, but data may not be so old',
    query: {
      topology: LAGGING,
      limits: { ...LIMITS, minServing: 2 },
      ...withIntent({ consistency: 'bounded', maxStalenessMs: 11_000 }),
    },
    node: 'primary',
    reason: 'no-eligible-replica',
  },
  {
    row: 10,
    when: 'all lag too much, and data may be older still',
    query: {
      topology: LAGGING,
      limits: { ...LIMITS, minServing: 1 },
      ...withIntent({ consistency: 'bounded', maxStalenessMs: 20_000 }),
    },
    node: 'r2',
    reason: 'within-staleness',
  },
  {
    row: 10,
    when: 'all lag too much, and the session has seen more than the one that serves',
    query: {
      ...withSession({ position: 1_001n, servedBy: 'r2' }),
      topology: LAGGING,
      limits: { ...LIMITS, minServing: 1 },
    },
    node: 'primary',
    reason: 'session-ahead',
  },
  {
    row: 10,
    when: "the user's function names the primary",
    query: { routeOverride: ({ primary }) => primary },
    node: 'primary',
    reason: 'route-function',
  },
  {
    row: 10,
    when: "the user's function names a replica",
    query: { routeOverride: () => 'r2' },
    node: 'r2',
    reason: 'route-function',
  },
  {
    row: 10,
    when: "the user's function leaves it as decided",
    query: { routeOverride: () => undefined },
    node: 'r1',
    reason: 'session-free',
  },
  {
    row: 10,
    when: "the user's function names a replica that has not replayed what the session wrote",
    query: { ...withSession(AHEAD), routeOverride: () => 'r1' },
    node: 'primary',
    reason: 'session-ahead',
  },
  {
    row: 10,
    when: "the user's function names a replica that is down",
    query: { topology: R1_DOWN, routeOverride: () => 'r1' },
    node: 'primary',
    reason: 'no-eligible-replica',
  },
  {
    row: 10,
    when: "the user's function names a replica where a rule names another",
    query: { tableRule: 'r1', routeOverride: () => 'r2' },
    node: 'r2',
    reason: 'route-function',
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
  {
    row: 11,
    when: 'the primary is away, and a replica is of unknown age by now',
    query: { topology: AWAY },
    node: 'r1',
    reason: 'primary-away',
  },
  {
    row: 11,
    when: 'the primary is away for a short time yet',
    query: { topology: { ...BOTH, primary: { ...PRIMARY, health: 'down' } } },
    node: 'r1',
    reason: 'session-free',
  },
  {
    row: 11,
    when: 'the primary is away, and nothing was ever known of it',
    query: {
      topology: {
        ...topologyOf(replica('r1', { freshAsOfMs: undefined })),
        primary: { ...PRIMARY, health: 'down', position: undefined, freshAsOfMs: undefined },
      },
    },
    node: 'r1',
    reason: 'primary-away',
  },
  {
    row: 11,
    when: 'the primary failed to answer this very read',
    query: {
      topology: { ...AWAY, primary: { ...PRIMARY, freshAsOfMs: NOW_MS - 15_000 } },
      failed: ['primary'],
    },
    node: 'r1',
    reason: 'primary-away',
  },
  {
    row: 11,
    when: 'the primary is away, and the replica of the session has all that it wrote and saw',
    query: { ...withSession({ position: 1_000n }), topology: AWAY },
    node: 'r1',
    reason: 'primary-away',
  },
  {
    row: 11,
    when: 'the primary is away, and the replica of the session lacks what it wrote after a wait',
    query: { ...withSession(AHEAD), topology: AWAY, waited: WAITED },
    node: 'primary',
    reason: 'session-ahead',
  },
  {
    row: 11,
    when: 'the primary is away, and the position of a write of the session is not known',
    query: { ...withSession({ onPrimary: true }), topology: AWAY },
    node: 'primary',
    reason: 'session-unknown',
  },
  {
    row: 11,
    when: 'the primary is away, and nobody knows whether a write of the session happened',
    query: { ...withSession({ isUnconfirmed: true, position: 1_000n }), topology: AWAY },
    node: 'r1',
    reason: 'primary-away',
  },
  {
    row: 11,
    when: 'nobody knows whether a write of the session happened, and the primary failed this very read',
    query: { ...withSession({ isUnconfirmed: true }), failed: ['primary'] },
    node: 'r1',
    reason: 'session-free',
  },
  {
    row: 11,
    when: 'the primary is away, and nobody knows whether a write of this request happened',
    query: { request: request({ ownWriteLost: true }), topology: AWAY },
    node: 'r1',
    reason: 'primary-away',
  },
  {
    row: 11,
    when: 'the primary is away, and the replica lacks what the session wrote before the write that nobody knows of',
    query: { ...withSession({ ...AHEAD, isUnconfirmed: true }), topology: AWAY, waited: WAITED },
    node: 'primary',
    reason: 'session-ahead',
  },
  {
    row: 11,
    when: 'the primary is away as well as the replica of the session',
    query: { ...withSession({}), topology: { ...R1_DOWN, primary: AWAY.primary } },
    node: 'primary',
    reason: 'session-ahead',
  },
  {
    row: 11,
    when: 'the primary is away as well as the replica of the session, but the other has all that it can have seen',
    query: {
      ...withSession({}),
      topology: { ...R1_DOWN, primary: AWAY.primary },
      positionAfter: () => 1_000n,
    },
    node: 'r2',
    reason: 'session-replayed',
  },
  {
    row: 11,
    when: 'the primary is away from which the request has read',
    query: {
      topology: AWAY,
      request: request({
        kept: { name: 'primary', lastReadMs: NOW_MS - 5, isForced: true, allowsStale: false },
      }),
    },
    node: 'primary',
    reason: 'request-on-primary',
  },
  {
    row: 11,
    when: 'the primary is away, and any data will do',
    query: { topology: AWAY, ...withIntent({ consistency: 'eventual' }) },
    node: 'r1',
    reason: 'primary-away',
  },
  {
    row: 11,
    when: 'the primary is away, and no replica has what the request wrote after a wait',
    query: {
      topology: AWAY,
      waited: WAITED,
      ...withIntent({ consistency: 'eventual' }, { ownPosition: 1_500n, hasWritten: true }),
    },
    node: 'primary',
    reason: 'own-write',
  },
  {
    row: 11,
    when: 'the primary is away, and nobody can tell whether data is young enough',
    query: { topology: AWAY, ...withIntent({ consistency: 'bounded', maxStalenessMs: 60_000 }) },
    node: 'primary',
    reason: 'no-eligible-replica',
  },
  {
    row: 11,
    when: 'the primary is away, and the replica lagged, but sessions remember what they saw longer than that',
    query: {
      topology: { ...topologyOf(replica('r1', { freshAsOfMs: NOW_MS - 14_000 })), primary: JUST_AWAY },
    },
    node: 'r1',
    reason: 'primary-away',
  },
  {
    row: 11,
    when: 'the primary is away, and the replica lagged too much when it was last heard of',
    query: {
      topology: { ...topologyOf(replica('r1', { freshAsOfMs: NOW_MS - 14_001 })), primary: JUST_AWAY },
    },
    node: 'primary',
    reason: 'no-eligible-replica',
  },
  {
    row: 11,
    when: 'the primary is away for long, and the replica lagged no more than it may when it was last heard of',
    query: {
      topology: {
        ...topologyOf(replica('r1', { freshAsOfMs: NOW_MS - 90_000 })),
        primary: { ...AWAY.primary, freshAsOfMs: NOW_MS - 80_000 },
      },
    },
    node: 'r1',
    reason: 'primary-away',
  },
  {
    row: 11,
    when: 'the primary is away, and consistency is strong',
    query: { topology: AWAY, ...withIntent({ consistency: 'strong' }) },
    node: 'primary',
    reason: 'strong-consistency',
  },
];

describe('the routing rule', () => {
  it.each(TABLE)('row $row: when $when, goes to $node ($reason)', ({ query, node, reason }) => {
    expect(decide(query)).toEqual({ kind: 'route', node, reason });
  });

  it('has a case for every reason that a decision can give', () => {
    // The code that runs the statement gives this reason, after the decision.
    const given = ['refused-by-replica', 'read-only-transaction'];
    const shown = new Set([...TABLE.map(({ reason }) => reason as string), ...given]);
    expect([...PRIMARY_REASONS, ...REPLICA_REASONS].filter((reason) => !shown.has(reason))).toEqual([]);
  });

  it('gives every primary reason to the primary and every replica reason to a replica', () => {
    for (const { node, reason, query } of TABLE) {
      const isPrimary = node === (query.topology ?? BOTH).primary.name;
      expect(isPrimary ? PRIMARY_REASONS : REPLICA_REASONS).toContain(reason);
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
      ...withSession(
        {},
        { kept: { name: 'r1', lastReadMs: NOW_MS - 3, isForced: false, allowsStale: false } },
      ),
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
