import type { Balancer, NodeLoad } from '../../../libs/replica/src/routing/balancer.js';
import { decideRoute } from '../../../libs/replica/src/routing/decide-route.js';
import { createBalancer } from '../../../libs/replica/src/routing/balancers.js';
import { hashText, homeOf } from '../../../libs/replica/src/routing/rendezvous.js';
import type {
  Decision,
  Intent,
  RequestView,
  RouteQuery,
  RoutingLimits,
  SessionView,
} from '../../../libs/replica/src/routing/route-query.js';
import type { Home, NodeSnapshot, Topology } from '../../../libs/replica/src/topology/topology.js';

/** Now, on the monotonic clock of these queries; the replicas were fresh 100 ms ago. */
export const NOW_MS = 100_000;

/** A replica that is up, at position 1000. */
export const replica = (name: string, changes: Partial<NodeSnapshot> = {}): NodeSnapshot => ({
  name,
  role: 'replica',
  address: `${name}:5432`,
  health: 'up',
  position: 1_000n,
  freshAsOfMs: NOW_MS - 100,
  weight: 1,
  ...changes,
});

export const PRIMARY: NodeSnapshot = { ...replica('primary'), role: 'primary', position: 2_000n };

export const homesOf = (...names: string[]): readonly Home[] => names.map((name) => ({ name, weight: 1 }));

/** A primary with these replicas; the homes are r1 and r2. */
export const topologyOf = (...replicas: NodeSnapshot[]): Topology => ({
  version: 1,
  primary: PRIMARY,
  replicas,
  homes: homesOf('r1', 'r2'),
});

export const BOTH = topologyOf(replica('r1'), replica('r2'));

/** A key whose home, among r1 and r2, is the replica. */
export const keyOf = (home: string): number => {
  for (let index = 0; ; index++) {
    const hash = hashText(`session-${index}`);
    if (homeOf(hash, BOTH) === home) return hash;
  }
};

/** What a handler of a safe method asks for that has no decorator. */
export const intent = (changes: Partial<Intent> = {}): Intent => ({
  target: 'default',
  safeMethod: true,
  consistency: 'session',
  catchUpTimeoutMs: 0,
  preventWrites: false,
  ...changes,
});

/** A request that began 10 ms ago and has no session. */
export const request = (changes: Partial<RequestView> = {}): RequestView => ({
  intent: intent(),
  startedMs: NOW_MS - 10,
  ownWritePending: false,
  ownWriteLost: false,
  hasWritten: changes.ownPosition !== undefined,
  transactionOpen: false,
  ...changes,
});

/** A session whose home is r1. */
export const session = (changes: Partial<SessionView> = {}): SessionView => ({
  keyHash: keyOf('r1'),
  status: 'loaded',
  onPrimary: false,
  isUnconfirmed: false,
  ...changes,
});

export const LIMITS: RoutingLimits = {
  defaultReadPreference: 'replica',
  maxLagMs: 10_000,
  minServing: 0,
  hardMaxLagMs: 29_000,
  rememberedMs: 14_000,
  catchUpTimeoutMs: 500,
  balancer: 'least-busy',
  fallback: 'primary',
};

const IDLE: NodeLoad = { inFlight: 0, latencyMs: 1 };

export const balancerWith = (random: () => number, load: (name: string) => NodeLoad = () => IDLE): Balancer =>
  createBalancer('least-busy', { random, load });

/** Decides on a read in a request without a session, between two replicas that are up; or on what `changes` say. */
export const decide = (changes: Partial<RouteQuery> = {}): Decision =>
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

/** Part of a query: under this intent. */
export const withIntent = (
  changes: Partial<Intent>,
  others: Partial<RequestView> = {},
): Partial<RouteQuery> => ({
  request: request({ intent: intent(changes), ...others }),
});

/** Part of a query: for such a session. */
export const withSession = (
  changes: Partial<SessionView>,
  others: Partial<RequestView> = {},
): Partial<RouteQuery> => ({
  request: request({ session: session(changes), ...others }),
});
