import type { Scope } from '../../context/context-storage.js';
import type { Route } from '../../routing/route.js';
import type { ErrorKinds } from '../database.js';
import type { PrimaryGate } from '../primary/primary-gate.js';
import type { Statement } from '../statements/statement.js';
import type { RetryBudget } from './retry-budget.js';
import type { RouteConditions, RouteFinder } from './route-finder.js';
import type { StatementReports } from './statement-reports.js';

/** What `Attempts` work with: the same for all statements of a data source. */
export interface AttemptTools {
  readonly errors: ErrorKinds;
  readonly finder: Pick<RouteFinder, 'find' | 'toPrimary' | 'primary' | 'mayFallBack' | 'hasReplicaBeside'>;
  readonly reports: Pick<StatementReports, 'failedAttempt' | 'tell' | 'unplaced'>;
  readonly budget: RetryBudget;
  readonly gate: Pick<PrimaryGate, 'isClosed' | 'opens' | 'refused'>;
  /** Waits for a turn where reads that fall back on the primary are limited; gives how to end it. */
  readonly enter: (route: Route) => (() => void) | Promise<() => void>;
  /** A replica that answers everything, while the application starts without the primary. */
  readonly standIn: () => string | undefined;
  /** How long a statement may take by the pool's own limits; milliseconds, infinite without any, or when the node has left. */
  readonly limitMs: (node: string) => number;
  /**
   * Whether a node that lost the connection of this read without a word has been well since `sinceMs`, or the read can hardly be the
   * reason why it is not. Never rejects.
   */
  readonly isCleared: (node: string, text: string, sinceMs: number) => Promise<boolean>;
  /**
   * A replica refused the read as a write: it is remembered as one, and told of. Gives the write; throws where the scope around the
   * caller prevents writes.
   */
  readonly refused: (node: string, read: Statement, text: string) => Statement;
  /** Whether nodes are watched at all; without replicas everything is as with the driver alone. */
  readonly hasReplicas: () => boolean;
  /** Milliseconds of a monotonic clock. */
  readonly nowMs: () => number;
}

/** A statement outside a transaction, as it was given. */
export interface AttemptedStatement {
  readonly statement: Statement;
  readonly scope: Scope | undefined;
  readonly conditions: RouteConditions;
}
