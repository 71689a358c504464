import { isWrite } from '../../routing/decide-route.js';
import { CommitOutcomeUnknownError } from '../../errors/commit-outcome-unknown.error.js';
import { NodeUnavailableError } from '../../errors/node-unavailable.error.js';
import type { ErrorKinds } from '../database.js';
import type { Statement } from '../statements/statement.js';
import { TransactionLostError } from '../../errors/transaction-lost.error.js';

/** The circumstances of a statement whose connection was lost. */
export interface LossSite {
  readonly text: string;
  /** Whether it ran on a replica, where nothing can be written. */
  readonly onReplica: boolean;
  /** The open transaction. `changes`: a statement that may write ran in it. */
  readonly transaction?: { readonly changes: boolean };
}

/**
 * What a lost connection means for what was to be written.
 *
 * - `commit-unknown`, `write-unknown`: a COMMIT, or a write outside a transaction, was sent, and nobody knows whether it happened
 * - `rolled-back`: a transaction was open, but not committed yet, so the server rolls it back
 * - `nothing`: there was nothing to write, or it was not sent
 */
export type LossMeaning = 'commit-unknown' | 'write-unknown' | 'rolled-back' | 'nothing';

/** The error of a lost connection, and the database's knowledge of such errors. */
interface Loss {
  readonly error: unknown;
  readonly errors: Pick<ErrorKinds, 'isCutByServer' | 'isUnsent'>;
}

/** What the loss of its connection means for a statement. */
export function meaningOfLoss(statement: Statement, site: LossSite, { error, errors }: Loss): LossMeaning {
  const { onReplica, transaction, text } = site;
  const changes = isWrite(statement.kind) || statement.mayWrite;
  // If the text has several statements, some may have been committed before the one that was cut.
  if (errors.isCutByServer(error) && !/;\s*\S/.test(text))
    return transaction === undefined ? 'nothing' : 'rolled-back';
  const isSent = !onReplica && !errors.isUnsent(error);
  if (transaction === undefined) return isSent && changes ? 'write-unknown' : 'nothing';
  // If the text has several statements, a COMMIT may be among them.
  const isCommitted = (statement.transaction === 'end' && !isRollback(text)) || statement.kind === 'unknown';
  return isSent && isCommitted && (transaction.changes || changes) ? 'commit-unknown' : 'rolled-back';
}

/** The error for the caller. */
export function errorOfLoss(
  meaning: LossMeaning,
  { name, address }: { readonly name: string; readonly address: string },
  { error, errors }: Loss,
): unknown {
  if (meaning === 'commit-unknown') return new CommitOutcomeUnknownError(name, 'commit', error);
  if (meaning === 'write-unknown') return new CommitOutcomeUnknownError(name, 'statement', error);
  if (meaning === 'rolled-back') return new TransactionLostError(name, error);
  return errors.isUnsent(error) ? new NodeUnavailableError(name, address, error) : error;
}

/**
 * Whether the text is a single statement that ends the transaction and discards its writes. Anything not recognized counts as
 * COMMIT.
 */
function isRollback(text: string): boolean {
  return /^\s*(?:rollback|abort)\b[^;]*;?\s*$/i.test(text);
}

/** Whether the statement rolls the transaction back and begins no other one. */
export function endsInRollback({ transaction }: Statement, text: string): boolean {
  return transaction === 'end' && isRollback(text) && !/\bchain\b/i.test(text);
}
