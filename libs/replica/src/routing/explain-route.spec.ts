import { describe, expect, it } from '@jest/globals';
import { seededRandom } from '../../../../test/support/random.js';
import {
  balancerWith,
  intent,
  keyOf,
  LIMITS,
  NOW_MS,
  PRIMARY,
  replica,
  request,
  session,
  topologyOf,
} from '../../../../test/support/routing/route-queries.js';
import { decideRoute } from './decide-route.js';
import { ANY_REPLICA, isEligible, whyNot, type ReplicaRequirements } from './eligible-replicas.js';
import { explainRoute } from './explain-route.js';
import type { Decision, RouteQuery, WaitKind } from './route-query.js';

const BASE: RouteQuery = {
  enabled: true,
  statement: 'read',
  primaryRunner: false,
  readOnlyTransaction: false,
  request: request(),
  topology: topologyOf(replica('r1'), replica('r2')),
  limits: LIMITS,
  failed: [],
  waited: new Set(),
  nowMs: NOW_MS,
  balancer: balancerWith(() => 0),
  positionAfter: () => undefined,
};

const explained = (changes: Partial<RouteQuery>) => explainRoute({ ...BASE, ...changes });

const whys = (changes: Partial<RouteQuery>): Record<string, unknown> =>
  Object.fromEntries(explained(changes).candidates.map(({ node, why }) => [node, why]));

describe('the explanation of a route', () => {
  it('tells for each replica why it may not answer', () => {
    const topology = topologyOf(
      replica('r1'),
      replica('gone', { health: 'down' }),
      replica('leaving', { isDraining: true }),
      replica('late', { freshAsOfMs: NOW_MS - 60_000 }),
      replica('special', { weight: 0 }),
      replica('behind', { position: 5n }),
      replica('broken'),
    );
    expect(whys({ topology, failed: ['broken'], request: request({ ownPosition: 10n }) })).toEqual({
      primary: null,
      r1: null,
      gone: 'down',
      leaving: 'draining',
      late: 'too-old',
      special: 'not-asked-for',
      behind: 'behind',
      broken: 'failed',
    });
  });

  it.each<[string, Partial<RouteQuery>, string, string]>([
    ['a write', { statement: 'write' }, 'write', 'write'],
    ['routing that is off', { enabled: false }, 'routing-disabled', 'routing-disabled'],
    ['no request', { request: undefined }, 'no-context', 'no-context'],
    [
      'an unsafe method',
      { request: request({ intent: intent({ safeMethod: false }) }) },
      'unsafe-method',
      'unsafe-method',
    ],
    ['a pending write', { request: request({ ownWritePending: true }) }, 'own-write', 'behind'],
    [
      'a session ahead',
      { request: request({ session: session({ position: 5_000n }) }) },
      'session-ahead',
      'behind',
    ],
    [
      'a session of unknown state',
      { request: request({ session: session({ onPrimary: true }) }) },
      'session-unknown',
      'session-unknown',
    ],
  ])('tells that the primary answers because of %s', (_, changes, reason, why) => {
    expect(explained(changes)).toMatchObject({ node: 'primary', reason, waitsFor: [] });
    expect(whys(changes)).toEqual({ primary: null, r1: why, r2: why });
  });

  it('tells what a read would wait for, and where it goes if that is in vain', () => {
    const waits = request({
      intent: intent({ catchUpTimeoutMs: 100 }),
      session: session({ position: 5_000n }),
    });
    expect(explained({ request: waits })).toMatchObject({
      node: 'primary',
      reason: 'session-ahead',
      waitsFor: ['wait-for-replica'],
    });
  });

  it('tells that nobody is allowed to answer', () => {
    const topology = topologyOf(replica('r1', { health: 'down' }));
    expect(explained({ topology, limits: { ...LIMITS, fallback: 'error' } })).toMatchObject({
      node: null,
      reason: 'no-eligible-replica',
      candidates: [{ node: 'primary' }, { node: 'r1', eligible: false, why: 'down' }],
    });
  });

  it('takes no turn of the balancer', () => {
    let turns = 0;
    const balancer = { choose: () => replica(`turn ${++turns}`) };
    expect(
      explained({ balancer, request: request({ intent: intent({ consistency: 'eventual' }) }) }).node,
    ).toBe('r1');
    expect(turns).toBe(0);
  });

  it('can be turned into JSON', () => {
    expect(JSON.parse(JSON.stringify(explained({})))).toEqual(explained({}));
  });
});

/** A query that may be anything. */
function anyQuery(random: () => number): RouteQuery {
  const oneOf = <T>(...choices: readonly T[]): T => choices[Math.floor(random() * choices.length)] as T;
  const node = (name: string) =>
    replica(name, {
      health: oneOf('up', 'up', 'up', 'down', 'unknown'),
      isDraining: oneOf(undefined, undefined, true),
      weight: oneOf(1, 1, 0),
      position: oneOf(1_000n, 2_000n, undefined),
      freshAsOfMs: oneOf(NOW_MS - 10, NOW_MS - 9_000, NOW_MS - 20_000, undefined),
      isTooOld: oneOf(undefined, undefined, true),
      region: oneOf('eu', undefined),
    });
  const consistency = oneOf('session', 'session', 'bounded', 'eventual', 'strong' as const);
  return {
    ...BASE,
    enabled: random() > 0.05,
    statement: oneOf('read', 'read', 'read', 'read', 'write', 'unknown'),
    tableRule: oneOf(undefined, undefined, undefined, 'r1', 'primary'),
    topology: {
      ...topologyOf(node('r1'), node('r2'), node('r3')),
      primary: { ...PRIMARY, health: oneOf('up', 'up', 'down') },
    },
    request: oneOf(
      undefined,
      request({
        intent: intent({
          target: oneOf('default', 'default', 'replica', 'primary'),
          safeMethod: random() > 0.1,
          consistency,
          maxStalenessMs: consistency === 'bounded' ? 5_000 : undefined,
          selection: oneOf(
            undefined,
            undefined,
            [{ by: 'name', name: 'r2' }],
            [{ by: 'region', region: 'eu' }],
          ),
          catchUpTimeoutMs: oneOf(0, 0, 50),
        }),
        ownPosition: oneOf(undefined, undefined, 1_500n),
        kept: oneOf(undefined, undefined, {
          name: oneOf('r1', 'primary'),
          lastReadMs: NOW_MS - 5,
          isForced: false,
          allowsStale: false,
        }),
        session:
          consistency === 'session'
            ? oneOf(
                undefined,
                session({ keyHash: keyOf(oneOf('r1', 'r2')), position: oneOf(undefined, 500n, 1_500n) }),
              )
            : undefined,
      }),
    ),
    limits: { ...LIMITS, minServing: oneOf(0, 0, 1), fallback: oneOf('primary', 'primary', 'error') },
    failed: oneOf<readonly string[]>([], [], [], ['r1'], ['primary']),
    positionAfter: oneOf<RouteQuery['positionAfter']>(
      () => undefined,
      () => 1_200n,
    ),
  };
}

/** As whoever routes: waits in vain for whatever the rule asks for. */
function decided(query: RouteQuery): Decision {
  const waited = new Set<WaitKind>();
  for (let decision = decideRoute(query); ; decision = decideRoute({ ...query, waited })) {
    if (decision.kind === 'route' || decision.kind === 'no-replica') return decision;
    waited.add(decision.kind);
  }
}

describe('explanations and decisions agree', () => {
  const random = seededRandom(11);
  const queries = Array.from({ length: 5_000 }, () => anyQuery(random));

  it('on who is eligible', () => {
    const asked: readonly ReplicaRequirements[] = [
      ANY_REPLICA,
      { maxAgeMs: 5_000 },
      { filter: { by: 'name', name: 'r2' }, maxAgeMs: Infinity },
      { filter: { by: 'region', region: 'eu' }, maxAgeMs: 5_000 },
    ];
    const seen = new Set<unknown>();
    for (const query of queries)
      for (const node of query.topology.replicas)
        for (const requirements of asked) {
          const why = whyNot(query, node, requirements);
          seen.add(why);
          expect(why === undefined).toBe(isEligible(query, node, requirements));
        }
    expect(seen).toEqual(new Set([undefined, 'not-asked-for', 'down', 'draining', 'failed', 'too-old']));
  });

  it('on the node, the reason, and who might have answered', () => {
    const reasons = new Set<string>();
    for (const query of queries) {
      const decision = decided({ ...query, balancer: { choose: ([first]) => first! } });
      const explanation = explainRoute(query);
      reasons.add(explanation.reason);
      expect(explanation.reason).toBe((decision as { reason: string }).reason);
      expect(explanation.node).toBe(decision.kind === 'route' ? decision.node : null);
      const eligible = explanation.candidates.filter((one) => one.role === 'replica' && one.eligible);
      const isOnReplica = explanation.node !== null && explanation.node !== 'primary';
      if (isOnReplica) expect(eligible.map(({ node }) => node)).toContain(explanation.node);
      else expect(eligible).toEqual([]);
      for (const { eligible: may, why } of explanation.candidates) expect(may).toBe(why === null);
    }
    expect(reasons.size).toBeGreaterThan(12);
  });
});
