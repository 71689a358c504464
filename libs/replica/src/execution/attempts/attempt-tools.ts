import type { Scope } from '../../context/context-storage.js';
import type { Route } from '../../routing/route.js';
import type { ErrorKinds } from '../database.js';
import type { PrimaryGate } from '../primary/primary-gate.js';
import type { Statement } from '../statements/statement.js';
import type { StatementTrace } from '../statement-trace.js';
import type { RetryBudget } from './retry-budget.js';
import type { RouteConditions, RouteFinder } from './route-finder.js';
import type { StatementReports } from './statement-reports.js';

/** What all attempts of a data source share. */
export interface AttemptTools {
  readonly errors: ErrorKinds;
  readonly finder: Pick<RouteFinder, 'find' | 'toPrimary' | 'primary' | 'mayFallBack' | 'hasOtherReplica'>;
  readonly reports: Pick<StatementReports, 'failedAttempt' | 'tell' | 'unplaced'>;
  readonly budget: RetryBudget;
  readonly gate: Pick<PrimaryGate, 'isClosed' | 'opens' | 'refused'>;
  /** Waits for a turn if the options limit how many reads fall back on the primary. Returns the function that ends the turn. */
  enter(route: Route): (() => void) | Promise<() => void>;
  /** The replica that answers everything while the application starts without the primary. */
  readonly standIn: () => string | undefined;
  /** How long the pool's own limits let a statement run. In milliseconds; `Infinity` without a limit, or if the node has left. */
  limitMs(node: string): number;
  /**
   * Whether a read that lost its connection to this node without a word is cleared of having crashed it. It is if the node has
   * been well since `sinceMs`, or if the read can hardly be the reason that it has not. Never rejects.
   */
  isCleared(node: string, text: string, sinceMs: number): Promise<boolean>;
  /**
   * A replica refused the read as a write. Remembers it as one, and reports it. Returns the write. Throws if the caller's scope
   * prevents writes.
   */
  refused(node: string, read: Statement, text: string): Statement;
  /** Whether there are replicas. Without any, nobody watches the nodes, and everything works as with the driver alone. */
  readonly hasReplicas: () => boolean;
  /** Milliseconds of a monotonic clock. */
  readonly nowMs: () => number;
}

/** A statement outside a transaction. */
export interface AttemptedStatement {
  readonly statement: Statement;
  readonly scope: Scope | undefined;
  readonly conditions: RouteConditions;
  /** Gets the event of each attempt if somebody traces statements. */
  readonly trace: StatementTrace | undefined;
}
