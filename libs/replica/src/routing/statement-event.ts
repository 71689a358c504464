import type { StatementKind } from './route-query.js';
import type { RouteReason } from './route.js';

/** One routed statement, after its outcome. Never its parameters, never its text. */
export interface StatementEvent {
  readonly kind: StatementKind;
  /** The name of the node that it ran on. */
  readonly node: string;
  readonly reason: RouteReason;
  /** From the decision to the answer, in milliseconds; for a stream, until it was sent. */
  readonly durationMs: number;
  /** Absent when it succeeded; else the SQLSTATE or the system's error code, or `unknown`. */
  readonly errorCode?: string;
}
