import { isWrite } from '../../routing/decide-route.js';
import { CommitOutcomeUnknownError } from '../../errors/commit-outcome-unknown.error.js';
import { NodeUnavailableError } from '../../errors/node-unavailable.error.js';
import type { ErrorKinds } from '../database.js';
import type { Statement } from '../statements/statement.js';
import { TransactionLostError } from '../../errors/transaction-lost.error.js';

/** Where a statement ran whose connection was lost. */
export interface LossSite {
  readonly text: string;
  /** On a replica, where nothing can be written. */
  readonly onReplica: boolean;
  /** The open transaction; `changes`: something ran in it that may write. */
  readonly transaction?: { readonly changes: boolean };
}

/**
 * What a lost connection means for what was to be written.
 *
 * - `commit-unknown`, `write-unknown`: nobody knows whether it happened: a COMMIT, or a write outside a transaction, was sent
 * - `rolled-back`: a transaction that was not yet committed; the server rolls it back
 * - `nothing`: there was nothing to write, or it was not sent
 */
export type LossMeaning = 'commit-unknown' | 'write-unknown' | 'rolled-back' | 'nothing';

/** The loss of a connection, and what the database knows of such errors. */
export interface Loss {
  readonly error: unknown;
  readonly errors: Pick<ErrorKinds, 'isCutByServer' | 'isUnsent'>;
}

/** What it means that this loss of its connection met a statement. */
export function meaningOfLoss(statement: Statement, site: LossSite, { error, errors }: Loss): LossMeaning {
  const { onReplica, transaction, text } = site;
  const changes = isWrite(statement.kind) || statement.mayWrite;
  // Of several statements some may have been committed before the one that was cut.
  if (errors.isCutByServer(error) && !/;\s*\S/.test(text))
    return transaction === undefined ? 'nothing' : 'rolled-back';
  const isSent = !onReplica && !errors.isUnsent(error);
  if (transaction === undefined) return isSent && changes ? 'write-unknown' : 'nothing';
  // A text of several statements may have its COMMIT in it.
  const isCommitted = (statement.transaction === 'end' && !isRollback(text)) || statement.kind === 'unknown';
  return isSent && isCommitted && (transaction.changes || changes) ? 'commit-unknown' : 'rolled-back';
}

/** The error that says so. */
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

/** One statement that ends the transaction without its writes. What is not seen to be one counts as COMMIT. */
function isRollback(text: string): boolean {
  return /^\s*(?:rollback|abort)\b[^;]*;?\s*$/i.test(text);
}

/** The statement undoes the transaction, and begins no other one. */
export function endsInRollback({ transaction }: Statement, text: string): boolean {
  return transaction === 'end' && isRollback(text) && !/\bchain\b/i.test(text);
}
