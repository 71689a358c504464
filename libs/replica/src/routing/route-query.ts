import type { Position } from '../session/position.js';
import type { Topology } from '../topology/topology.js';
import type { Balancer, BalancerFunction, BalancerName } from './balancer.js';
import type { ReplicaFilter } from './replica-filter.js';
import type { Consistency, ReadPreference, RouteReason } from './route.js';

/** What a statement may do; the database's folder finds it out. Only `read` may leave the primary. */
export const STATEMENT_KINDS = [
  'read',
  'write',
  'locking-read',
  'session-change',
  'transaction-control',
  'unknown',
] as const;
export type StatementKind = (typeof STATEMENT_KINDS)[number];

/** What the request, or the innermost `runOnPrimary()`/`runOnReplica()` around the statement, asked for. */
export interface Intent {
  /** `default`: nothing was asked; the HTTP method and the read preference decide. */
  readonly target: 'default' | 'primary' | 'replica';
  /** The HTTP method promises not to write (GET, HEAD, OPTIONS), or there is none. */
  readonly safeMethod: boolean;
  readonly consistency: Consistency;
  /** Which replicas were asked for, the first before the next; absent: any. */
  readonly selection?: readonly ReplicaFilter[];
  /** For `bounded`: how old an answer may be, in milliseconds. */
  readonly maxStalenessMs?: number;
  /** How long a read may wait for a replica to replay what the session has seen; milliseconds, 0 is not at all. */
  readonly catchUpTimeoutMs: number;
  /** A write under this intent is an error. */
  readonly preventWrites: boolean;
}

/** What routing needs to know of the session behind the request. */
export interface SessionView {
  /** 32-bit hash of the session's key: ties it to a replica. */
  readonly keyHash: number;
  /**
   * `loaded`: what is told of its writes is true. `loading`: not yet. `unavailable`: the store failed. `unresolved`:
   * whose session it is will be known later, when guards have run.
   */
  readonly status: 'unresolved' | 'loading' | 'loaded' | 'unavailable';
  /** What it has written or seen. */
  readonly position?: Position;
  /** It must read from the primary, because the position of a write could not be learned. */
  readonly onPrimary: boolean;
  /** Nobody knows whether one of its writes happened: it reads from the primary, unless that is away. */
  readonly isUnconfirmed: boolean;
  /** Until when these two last; milliseconds since the epoch. 0 or absent: they never began. */
  readonly primaryUntilMs?: number;
  readonly unconfirmedUntilMs?: number;
  /** The replica that it reads from, where that is not the one to which its key ties it. */
  readonly servedBy?: string;
  /** When that was noted; milliseconds since the epoch. */
  readonly servedAtMs?: number;
  /** So long ago, where other processes may not have learned of it; milliseconds. Negative for a while after a move: see `MOVE_AHEAD_MS`. */
  readonly notedForMs?: number;
  /** Another request of it may have moved it meanwhile. */
  readonly isOutdated?: boolean;
}

/** The node that a request reads from. */
export interface KeptNode {
  readonly name: string;
  /** When its last answer came; milliseconds of the monotonic clock. */
  readonly lastReadMs: number;
  /** It was not routing's choice: a scope, a transaction or the HTTP method asked for the primary. */
  readonly isAsked: boolean;
  /** Chosen by a read with leave to be older (`bounded`, `eventual`): says nothing about where a session reads from. */
  readonly isLenient: boolean;
}

/** What routing needs to know of the request. */
export interface RequestView {
  readonly intent: Intent;
  /** When it began; milliseconds of the monotonic clock. Its session was shown nothing later by other requests. */
  readonly startedMs: number;
  /** It has written and the position is not known (yet). */
  readonly ownWritePending: boolean;
  /** Nobody knows whether one of its writes happened, and its caller was told so. */
  readonly ownWriteLost: boolean;
  /** Covers all that it has written and, where it had to be learned, seen. */
  readonly ownPosition?: Position;
  /** It has written. */
  readonly hasWritten: boolean;
  /** A transaction is open somewhere in it. */
  readonly transactionOpen: boolean;
  /** The node that routing last chose for a read of it: kept while it will do. */
  readonly kept?: KeptNode;
  /** Absent: the client of this request is not known, or there is no such thing. */
  readonly session?: SessionView;
}

/** The operator's limits. */
export interface RoutingLimits {
  readonly defaultReadPreference: ReadPreference;
  /** A replica that may be further behind serves nobody, but for `minServing`; milliseconds. */
  readonly maxLagMs: number;
  /** So many replicas serve though they lag more, the freshest first. */
  readonly minServing: number;
  /** For `minServing`: a replica that may be further behind serves nobody; milliseconds. */
  readonly hardMaxLagMs: number;
  /** What a session saw is remembered at least so long, milliseconds: a replica whose data is younger shows it. At least `maxLagMs`. */
  readonly rememberedMs: number;
  /** How long a session that is ahead waits for its replica while the primary is away and the intent says 0; milliseconds. */
  readonly catchUpTimeoutMs: number;
  readonly balancer: BalancerName | BalancerFunction;
  /** Where the application runs; with the balancer `nearest`, sessions move there, too. */
  readonly region?: string;
  /** When no replica is eligible: read from the primary (some reads at once), or fail. */
  readonly fallback:
    'primary' | 'error' | { readonly maxConcurrent: number; readonly queueTimeoutMs: number };
}

/** What was decided, and between what. */
export interface RouteContext {
  /** The node that the rule chose. */
  readonly node: string;
  readonly reason: RouteReason;
  /** The replicas that are up and fresh enough for this read. */
  readonly eligible: readonly string[];
  /** The primary's name now. */
  readonly primary: string;
}

/** All that a decision rests on. Time, chance and load are arguments: deciding does no I/O and keeps nothing. */
export interface RouteQuery {
  readonly enabled: boolean;
  readonly statement: StatementKind;
  /** TypeORM asked for its primary ("master") runner. */
  readonly primaryRunner: boolean;
  /** A transaction declared read-only begins: like a read, on whose node the whole transaction stays. */
  readonly readOnlyTransaction: boolean;
  /** Where a rule sends the statement's tables: `primary`, whichever node that is, or a replica's name. Absent: no rule. */
  readonly tableRule?: string;
  /** Absent outside any request. */
  readonly request?: RequestView;
  readonly topology: Topology;
  readonly limits: RoutingLimits;
  /** Nodes that failed to answer this very read; with the primary among them, it counts as away. */
  readonly failed: readonly string[];
  /**
   * Since when its session, or its request, has read from the primary because replicas were behind; milliseconds of the monotonic clock.
   * Absent: it does not.
   */
  readonly behindSinceMs?: number;
  /** What this read has waited for already: it does not wait for it again. */
  readonly waited: ReadonlySet<WaitKind>;
  /** Milliseconds of the monotonic clock. */
  readonly nowMs: number;
  /** Chooses where the session does not. */
  readonly balancer: Balancer;
  /** A position of the primary above all that anyone can have been shown by then; `undefined`: not known yet. */
  readonly positionAfter: (monotonicMs: number) => Position | undefined;
  /** The option `route`, asked about this statement; absent: there is none. */
  readonly lastWord?: (context: RouteContext) => string | undefined;
}

/** What a read may wait for before there is a route. */
export type WaitKind = 'load-session' | 'learn-position' | 'probe-primary' | 'wait-for-replica';

/** The outcome of a decision: a route, or what must happen before there is one, or that there is none. */
export type Decision =
  | { readonly kind: 'route'; readonly node: string; readonly reason: RouteReason }
  /** Wait until the session's state is loaded, then decide again. */
  | { readonly kind: 'load-session' }
  /** Learn the primary's position as of now: the request needs it from then on. Then decide again. */
  | { readonly kind: 'learn-position' }
  /** Have the primary's position probed, which obliges the request to nothing; then decide again. */
  | { readonly kind: 'probe-primary' }
  /** Wait until the replica, or some replica, has replayed `position`, for at most `timeoutMs`, then decide again. */
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
