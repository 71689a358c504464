import type { Position } from '../session/position.js';
import type { Topology } from '../topology/topology.js';
import type { Balancer, BalancerFunction, BalancerName } from './balancer.js';
import type { ReplicaFilter } from './replica-filter.js';
import type { Consistency, ReadPreference, RouteReason } from './route.js';

/** What a statement may do, as the database's folder finds out. Only a `read` may leave the primary. */
export const STATEMENT_KINDS = [
  'read',
  'write',
  'locking-read',
  'session-change',
  'transaction-control',
  'unknown',
] as const;
export type StatementKind = (typeof STATEMENT_KINDS)[number];

/** What the request asked for, or the innermost `runOnPrimary()` or `runOnReplica()` around the statement. */
export interface Intent {
  /** `default`: nobody asked for anything, so the HTTP method and the read preference decide. */
  readonly target: 'default' | 'primary' | 'replica';
  /** The HTTP method promises not to write (GET, HEAD, OPTIONS), or there is none. */
  readonly safeMethod: boolean;
  readonly consistency: Consistency;
  /** Which replicas were asked for, in order of preference; absent: any. */
  readonly selection?: readonly ReplicaFilter[];
  /** For `bounded`: the greatest age of an answer, in milliseconds. */
  readonly maxStalenessMs?: number;
  /** How long a read may wait until a replica has replayed what the session has seen; milliseconds, 0: not at all. */
  readonly catchUpTimeoutMs: number;
  readonly preventWrites: boolean;
}

/** What routing needs to know of the session behind the request. */
export interface SessionView {
  /** 32-bit hash of the session's key. It ties the session to a replica. */
  readonly keyHash: number;
  /**
   * `loaded`: the other fields are true. `loading`: the store has not answered yet. `unavailable`: the store failed.
   * `unresolved`: nobody knows yet whose session it is, because guards have still to run.
   */
  readonly status: 'unresolved' | 'loading' | 'loaded' | 'unavailable';
  /** What it has written or seen. */
  readonly position?: Position;
  /** It must read from the primary, because nobody could learn the position of one of its writes. */
  readonly onPrimary: boolean;
  /** Nobody knows whether one of its writes happened. It reads from the primary, unless that is away. */
  readonly isUnconfirmed: boolean;
  /** When `onPrimary` and `isUnconfirmed` end; milliseconds since the epoch. 0 or absent: they never began. */
  readonly primaryUntilMs?: number;
  readonly unconfirmedUntilMs?: number;
  /** The replica that it reads from, if that is not the one that its key ties it to. */
  readonly servedBy?: string;
  /** When `servedBy` was noted; milliseconds since the epoch. */
  readonly servedAtMs?: number;
  /** For how long `servedBy` has been noted, if other processes may not know it. Negative for a while after a move: see `MOVE_AHEAD_MS`. */
  readonly notedForMs?: number;
  /** Another request of the session may have moved it since the state was loaded. */
  readonly isOutdated?: boolean;
}

/** The node that a request keeps reading from. */
export interface KeptNode {
  readonly name: string;
  /** When its last answer came; milliseconds of the monotonic clock. */
  readonly lastReadMs: number;
  /** A scope, a transaction or the HTTP method asked for the primary: it was not routing's choice. */
  readonly isForced: boolean;
  /** A read that allows stale data (`bounded`, `eventual`) chose it, so it does not say where a session reads from. */
  readonly allowsStale: boolean;
}

export interface RequestView {
  readonly intent: Intent;
  /** When the request began; milliseconds of the monotonic clock. What earlier requests of its session were shown came before. */
  readonly startedMs: number;
  /** It has written, and the position of a write is not known (yet). */
  readonly ownWritePending: boolean;
  /** Nobody knows whether one of its writes happened, and the caller was told so. */
  readonly ownWriteLost: boolean;
  /** Covers everything that it has written and, if the position had to be learned, seen. */
  readonly ownPosition?: Position;
  readonly hasWritten: boolean;
  readonly transactionOpen: boolean;
  /** The node that served its last read. Routing keeps it for as long as it will do. */
  readonly kept?: KeptNode;
  /** Absent: the request has no client, or nobody knows which one. */
  readonly session?: SessionView;
}

/** The operator's limits. */
export interface RoutingLimits {
  readonly defaultReadPreference: ReadPreference;
  /** A replica that may be further behind serves nobody, except under `minServing`; milliseconds. */
  readonly maxLagMs: number;
  /** At least this many replicas keep serving beyond `maxLagMs`, the freshest first, up to `hardMaxLagMs`. */
  readonly minServing: number;
  /** Under `minServing`, a replica that may be further behind than this serves nobody; milliseconds. */
  readonly hardMaxLagMs: number;
  /** Minimum time for which a session's sightings are remembered; milliseconds, at least `maxLagMs`. Fresher replicas already contain them. */
  readonly rememberedMs: number;
  /** How long a session that is ahead waits for its replica while the primary is away, if the intent says 0; milliseconds. */
  readonly catchUpTimeoutMs: number;
  readonly balancer: BalancerName | BalancerFunction;
  /** Where the application runs. With the balancer `nearest`, sessions move to this region, too. */
  readonly region?: string;
  /** What a read does if no replica is eligible: use the primary (perhaps only some reads at a time), or fail. */
  readonly fallback:
    'primary' | 'error' | { readonly maxConcurrent: number; readonly queueTimeoutMs: number };
}

/** A decision, and the choice that there was. */
export interface RouteContext {
  /** The node that the rule chose. */
  readonly node: string;
  readonly reason: RouteReason;
  /** Names of the replicas that are up and fresh enough for this read. */
  readonly eligible: readonly string[];
  /** The name of the current primary. */
  readonly primary: string;
}

/** A read, as a {@link RouteFunction} sees it. */
export interface RoutedStatement {
  /** The SQL, with placeholders. */
  readonly text: string;
  readonly kind: StatementKind;
  /** The tables and views that it names, as in the catalog (`accounts`, `billing.accounts`); `undefined` if nobody knows. */
  readonly tables: readonly string[] | undefined;
}

/**
 * Overrides the route of a read that may leave the primary. Returns `context.primary`, the name of a replica, or `undefined`
 * to leave the read as decided. Any other name is an `InvalidChoiceError`.
 *
 * Naming a replica works like `@UseReplica({ replica })`: the promises to the session still hold, and if the replica is not
 * eligible the `fallback` applies.
 *
 * The library calls it for each such read, for some more than once, so it must be quick. An error that it throws rejects
 * the read.
 */
export type RouteFunction = (statement: RoutedStatement, context: RouteContext) => string | undefined;

/** Everything that a decision rests on. Time, chance and load are arguments, so deciding does no I/O and keeps no state. */
export interface RouteQuery {
  readonly enabled: boolean;
  readonly statement: StatementKind;
  /** TypeORM asked for its primary ("master") runner. */
  readonly primaryRunner: boolean;
  /** A transaction declared read-only begins. It is routed like a read, and stays on its node to the end. */
  readonly readOnlyTransaction: boolean;
  /** Where a table rule sends the statement: `primary`, whichever node that is, or a replica's name. Absent: no rule. */
  readonly tableRule?: string;
  readonly request?: RequestView;
  readonly topology: Topology;
  readonly limits: RoutingLimits;
  /** Names of the nodes that failed to answer this very read. If the primary is one of them, it counts as away. */
  readonly failed: readonly string[];
  /** Since when the session (or request) has read from the primary because replicas were behind; monotonic milliseconds. Absent: it does not. */
  readonly behindSinceMs?: number;
  /** What this read has already waited for. It does not wait for the same thing twice. */
  readonly waited: ReadonlySet<WaitKind>;
  readonly nowMs: number;
  readonly balancer: Balancer;
  /** A position of the primary that covers everything that anyone can have been shown by this instant; `undefined`: not known yet. */
  readonly positionAfter: (monotonicMs: number) => Position | undefined;
  readonly routeOverride?: (context: RouteContext) => string | undefined;
}

/** What a read may have to wait for before there is a route. */
export type WaitKind = 'load-session' | 'learn-position' | 'probe-primary' | 'wait-for-replica';

/** The outcome of a decision: a route, what must happen before there is one, or that there is none. */
export type Decision =
  | { readonly kind: 'route'; readonly node: string; readonly reason: RouteReason }
  /** Wait until the session's state is loaded, then decide again. */
  | { readonly kind: 'load-session' }
  /** Learn the primary's current position, which the request requires from then on. Then decide again. */
  | { readonly kind: 'learn-position' }
  /** Probe the primary's position, which does not bind the request. Then decide again. */
  | { readonly kind: 'probe-primary' }
  /** Wait at most `timeoutMs` until the replica (or any replica) has replayed `position`. Then decide again. */
  | {
      readonly kind: 'wait-for-replica';
      readonly node?: string;
      readonly position: Position;
      readonly timeoutMs: number;
    }
  /** `fallback: 'error'`. */
  | {
      readonly kind: 'no-replica';
      readonly reason: 'session-ahead' | 'no-eligible-replica' | 'replica-failed';
    };
