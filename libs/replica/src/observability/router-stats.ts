import type { RouteReason } from '../routing/route.js';
import type { StatementKind } from '../routing/route-query.js';
import type { NodeRole } from '../topology/topology.js';
import type { RouterCounter } from './router-counters.js';

/**
 * What a router has done since counting began. Counting costs no listener and never stops: it goes on over `destroy()` and
 * `initialize()` of the data source, and begins anew with the process. Each call gives a new object that can be turned into JSON.
 * It holds no SQL literal, no parameter and no credential.
 */
export interface RouterStats {
  /** When counting began; milliseconds since the epoch. */
  readonly sinceMs: number;
  /** Outcomes that callers got. One entry for each combination seen, in the order in which they were first seen. */
  readonly routes: readonly RouteStats[];
  /** The connections to each node of the current list. Empty while the data source is not initialized. */
  readonly pools: readonly PoolStats[];
  /** Attempts that failed and were followed by another attempt, so that no caller saw the failure. */
  readonly retries: readonly RetryStats[];
  /** Statements that looked like reads and that a replica refused as writes. */
  readonly refused: number;
  /** Reads that the primary answered because no replica could: reasons `no-eligible-replica` and `replica-failed`. */
  readonly fallbacks: number;
  readonly sessions: SessionStats;
  /** Failures that did no harm, as in `counters()`. */
  readonly counters: Readonly<Record<RouterCounter, number>>;
  /** The most frequent statements, at most 200, the most frequent first. Empty if they are not counted. */
  readonly patterns: readonly PatternStats[];
}

/** Statements of one kind that one node answered (or failed to answer) for one reason. */
export interface RouteStats {
  /** The node's name; `null`: no node was allowed to answer (`NoReplicaError`). */
  readonly node: string | null;
  /** The node's role at that time. After a promotion the same node has entries of both roles. `null` if `node` is. */
  readonly role: NodeRole | null;
  readonly kind: StatementKind;
  readonly reason: RouteReason;
  /** How many statements, failed ones included. */
  readonly count: number;
  /** How many of them ended in an error that their caller got. */
  readonly failed: number;
  /** How long they took together, each from its last decision to its answer; milliseconds. */
  readonly totalMs: number;
}

/** The connections to one node. Counts begin when the node joins. */
export interface PoolStats {
  readonly node: string;
  /** The node's role now. */
  readonly role: NodeRole;
  /** Connections that statements or lanes hold, or that are being opened. */
  readonly used: number;
  readonly idle: number;
  /** Callers who wait for a connection. */
  readonly waiting: number;
  /** The most connections at once. */
  readonly max: number;
  /** How many of the connections are lanes, which fast reads share. */
  readonly lanes: number;
  /** Reads, streams and transactions under way, whatever connections they have. */
  readonly inFlight: number;
  /** Moving average of how long a read takes, in milliseconds; `null` until one was measured. */
  readonly latencyMs: number | null;
  /** How often somebody found no idle connection, and waited for one to be returned or opened. */
  readonly waits: number;
  /** How long these waits took together; milliseconds. */
  readonly waitedMs: number;
  /** How many of them ended without a connection because `connectTimeoutMs` was over. */
  readonly timeouts: number;
}

/** Failed attempts that were followed by another one. */
export interface RetryStats {
  /** The node that failed. */
  readonly node: string;
  /** The error code of the database or of the system, or `unknown`. */
  readonly code: string;
  readonly count: number;
}

/** Sessions in this process. */
export interface SessionStats {
  /** How many sessions a `MemorySessionStore` keeps in this process; `null` with another store, with tokens and without sessions. */
  readonly stored: number | null;
  /** Reads that wait, at this moment, for a replica to replay what their session wrote or saw. */
  readonly waiting: number;
}

/** Statements that differ only in their literals, parameters, comments and white space. */
export interface PatternStats {
  /** Identifies `text`, in 32 letters. The same in all processes. */
  readonly digest: string;
  /** The SQL with `?` in place of each literal and parameter. Lists of values are folded into one. */
  readonly text: string;
  /** The tables that it reads, as in `StatementEvent`; `null`: it is no read, or nobody knows. */
  readonly tables: readonly string[] | null;
  readonly kind: StatementKind;
  /** How many statements, failed ones included. */
  readonly count: number;
  /** How many of them ran on a replica. */
  readonly onReplicas: number;
  /** How many of them ended in an error that their caller got. */
  readonly failed: number;
  /** How many statements went where they went for which reason. */
  readonly reasons: Readonly<Partial<Record<RouteReason, number>>>;
  /** Half of the statements took at most this long; milliseconds, accurate to an eighth. */
  readonly p50Ms: number;
  /** 95 of 100 statements took at most this long; milliseconds, accurate to an eighth. */
  readonly p95Ms: number;
}
