/** How old an answer may be. From the strictest: see `docs/architecture.md`. */
export const CONSISTENCIES = ['strong', 'session', 'bounded', 'eventual'] as const;
export type Consistency = (typeof CONSISTENCIES)[number];

/** Where reads go if nothing else decides. */
export const READ_PREFERENCES = ['replica', 'primary'] as const;
export type ReadPreference = (typeof READ_PREFERENCES)[number];

/** What a read of consistency `session` does when no replica has replayed what the session has seen. */
export const ON_BEHIND = ['primary', 'wait'] as const;
export type OnBehind = (typeof ON_BEHIND)[number];

/** Reasons why a statement goes to the primary, in the order in which the rule asks. */
export const PRIMARY_REASONS = [
  /** Routing is switched off, there are no replicas, or the functions of the database are not known yet. */
  'routing-disabled',
  /** The statement writes, or calls a function that may. */
  'write',
  /** The statement takes row or table locks. */
  'locking-read',
  /** The statement changes the state of the connection, or reads such state. */
  'session-change',
  /** `BEGIN`, `COMMIT`, `SAVEPOINT` and the like. */
  'transaction-control',
  /** The statement could not be understood as a harmless read. */
  'unknown-statement',
  /** A transaction is open on this connection or in this request. */
  'transaction',
  /** TypeORM asked for its primary ("master") query runner. */
  'primary-runner',
  /** A table rule or `@PrimaryOnly()` names the primary, or there are rules and nobody knows the statement's tables. */
  'table-rule',
  /** No request, job or `runOnReplica()` is under way: start-up, scripts, timers, work left after the response. */
  'no-context',
  /** `@ForcePrimary()` or `runOnPrimary()`. */
  'forced-primary',
  /** Consistency `strong`. */
  'strong-consistency',
  /** The HTTP method may write (not GET, HEAD, OPTIONS), and there is no `@UseReplica()`. */
  'unsafe-method',
  /** `defaultReadPreference: 'primary'`, and there is no `@UseReplica()`. */
  'primary-preferred',
  /** This request has written, and the position of the write is not known yet, or no replica has replayed it. */
  'own-write',
  /** This request read from the primary before because no replica would do, and stays there. */
  'request-on-primary',
  /** Nobody could load the session's state, or the position of one of its writes is not known. */
  'session-unknown',
  /** No replica has replayed what the session has written or seen. */
  'session-ahead',
  /** No replica is up and fresh enough. */
  'no-eligible-replica',
  /** Eligible replicas failed to answer this read. */
  'replica-failed',
  /** A replica refused the statement as a write. */
  'refused-by-replica',
  /** The option `route` names the primary. */
  'route-function',
] as const;
export type PrimaryReason = (typeof PRIMARY_REASONS)[number];

/** Reasons why a read goes to a replica. */
export const REPLICA_REASONS = [
  /** It has replayed what this request wrote. */
  'own-write-replayed',
  /** It has replayed what the session has written or seen. */
  'session-replayed',
  /** The session is new, has written nothing lately, or does not exist. */
  'session-free',
  /** Consistency `bounded`: its data is at most `maxStalenessMs` old. */
  'within-staleness',
  /** Consistency `eventual`. */
  'eventual',
  /** A declared read-only transaction began on it. */
  'read-only-transaction',
  /** A table rule names it, and it may serve. */
  'table-rule',
  /** The option `route` names it, and it may serve. */
  'route-function',
  /** The primary is away, so nobody can tell how old the replica's data is. It has all that the session wrote and saw. */
  'primary-away',
] as const;
export type ReplicaReason = (typeof REPLICA_REASONS)[number];

export type RouteReason = PrimaryReason | ReplicaReason;

/** Whether the primary answers a read with this reason only because no replica can. */
export function isFallback(reason: RouteReason): reason is 'no-eligible-replica' | 'replica-failed' {
  return reason === 'no-eligible-replica' || reason === 'replica-failed';
}

/** The decision: which node, and why. */
export interface Route {
  /** The node's name. */
  readonly node: string;
  readonly reason: RouteReason;
}
