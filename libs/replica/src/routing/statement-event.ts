import type { StatementKind } from './route-query.js';
import type { RouteReason } from './route.js';

/**
 * One attempt of a routed statement, after its outcome. It never holds the statement's parameters or its text.
 *
 * To count statements, count the events with `isFinal`: their failures are the ones that callers saw. A statement that was
 * refused before it was routed (`WritePreventedError`) has no event. A stream whose connection breaks after it was sent
 * has a second one.
 */
export interface StatementEvent {
  readonly kind: StatementKind;
  /** The tables that a read names, as in `RoutedStatement.tables`; `null`: it is no read, or nobody knows. */
  readonly tables: readonly string[] | null;
  /** The name of the node that it ran on; `null`: no node was allowed to answer (`NoReplicaError`). */
  readonly node: string | null;
  readonly reason: RouteReason;
  /** From the decision to the answer, in milliseconds. For a stream: until it was sent. */
  readonly durationMs: number;
  /** Absent if it succeeded; else the error code of the database or of the system, or `unknown`. */
  readonly errorCode?: string;
  /** Which attempt it was, from 1. To leave a busy replica, or to be hedged on the same node, is no new attempt. */
  readonly attempt: number;
  /** No other attempt follows: the caller got this answer, or an error. */
  readonly isFinal: boolean;
  /**
   * The request, job or message to which it belongs: a number that no other request of this process has, from 1. `null`: none,
   * or its response has left.
   */
  readonly request: number | null;
}

/** A replica refused, as a write, a statement that looked like a read. From now on statements with this text go to the primary. */
export interface RefusedStatementEvent {
  /** Identifies the text without its literals, in 32 letters, as in `RouterStats.patterns`. */
  readonly digest: string;
  /** The tables that it names, as in `RoutedStatement.tables`; `null`: nobody knows. */
  readonly tables: readonly string[] | null;
  /** The replica that refused it. */
  readonly node: string;
}
