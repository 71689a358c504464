import { isWrite } from '../routing/decide-route.js';
import { CommitOutcomeUnknownError } from '../errors/commit-outcome-unknown.error.js';
import { NodeUnavailableError } from '../errors/node-unavailable.error.js';
import { isCutByServer, isUnsent } from './postgres-errors.js';
import type { Statement } from './statements/index.js';
import { TransactionLostError } from '../errors/transaction-lost.error.js';

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

/** What it means that `error`, the loss of its connection, met this statement. */
export function meaningOfLoss(statement: Statement, site: LossSite, error: unknown): LossMeaning {
  const { onReplica, transaction, text } = site;
  const changes = isWrite(statement.kind) || statement.mayWrite;
  // Of several statements some may have been committed before the one that was cut.
  if (isCutByServer(error) && !/;\s*\S/.test(text))
    return transaction === undefined ? 'nothing' : 'rolled-back';
  const isSent = !onReplica && !isUnsent(error);
  if (transaction === undefined) return isSent && changes ? 'write-unknown' : 'nothing';
  // A text of several statements may have its COMMIT in it.
  const isCommitted = (statement.transaction === 'end' && !isRollback(text)) || statement.kind === 'unknown';
  return isSent && isCommitted && (transaction.changes || changes) ? 'commit-unknown' : 'rolled-back';
}

/** The error that says so. */
export function errorOfLoss(
  meaning: LossMeaning,
  { name, address }: { readonly name: string; readonly address: string },
  error: unknown,
): unknown {
  if (meaning === 'commit-unknown') return new CommitOutcomeUnknownError(name, 'commit', error);
  if (meaning === 'write-unknown') return new CommitOutcomeUnknownError(name, 'statement', error);
  if (meaning === 'rolled-back') return new TransactionLostError(name, error);
  return isUnsent(error) ? new NodeUnavailableError(name, address, error) : error;
}

/** One statement that ends the transaction without its writes. What is not seen to be one counts as COMMIT. */
export function isRollback(text: string): boolean {
  return /^\s*(?:rollback|abort)\b[^;]*;?\s*$/i.test(text);
}
