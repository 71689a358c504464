import type { StatementKind } from './route-query.js';
import type { RouteReason } from './route.js';

/**
 * One try of a routed statement, after its outcome. Never its parameters, never its text. Those with `isFinal` are the statements: their
 * failures are the ones that callers saw. A statement that was refused before it was routed (`WritePreventedError`) has none;
 * a stream whose connection breaks after it was sent has a second one.
 */
export interface StatementEvent {
  readonly kind: StatementKind;
  /** Which query it was, as far as that may be told: the tables that a read names, as in `Statement.tables`; `null`: no read, or not known. */
  readonly tables: readonly string[] | null;
  /** The name of the node that it ran on; `null`: no node was allowed to answer it (`NoReplicaError`). */
  readonly node: string | null;
  readonly reason: RouteReason;
  /** From the decision to the answer, in milliseconds; for a stream, until it was sent. */
  readonly durationMs: number;
  /** Absent when it succeeded; else the SQLSTATE or the system's error code, or `unknown`. */
  readonly errorCode?: string;
  /** Which try it was, from 1. A read that left a busy replica, or was sent on a second connection to the same node, was not tried anew. */
  readonly attempt: number;
  /** No other try follows: the caller got this answer, or an error. */
  readonly isFinal: boolean;
}

/** A replica refused a statement as a write (SQLSTATE 25006) that looked like a read. From now on its text goes to the primary. */
export interface RefusedStatementEvent {
  /** Says which text it is, in 32 letters: prepared statements on lanes are called `nestjs_replica_<digest>_<n>`. */
  readonly digest: string;
  /** The tables that it names, as in `Statement.tables`; `null`: not known. */
  readonly tables: readonly string[] | null;
  /** The replica that refused it. */
  readonly node: string;
}
