import type { StatementCall } from '../database.js';
import type { StatementTrace } from '../statement-trace.js';
import type { Statement } from '../statements/statement.js';

/** A statement on a pinned connection. */
export interface PinnedStatement {
  readonly call: StatementCall;
  readonly statement: Statement;
  /**
   * The number of the attempt, from 1, if an attempt loop runs the statement and reports its failure. `undefined`: no loop does.
   */
  readonly attempt?: number;
  /** Gets the events of its attempts if somebody traces statements. */
  readonly trace?: StatementTrace;
}
