import type pg from 'pg';
import { isRollback } from './meaning-of-loss.js';
import type { Statement } from './statements/index.js';
import { TransactionLostError } from '../errors/transaction-lost.error.js';

/**
 * What a statement comes to on a client whose transaction was lost with its connection. The server has rolled that back: so ROLLBACK
 * succeeds. Anything else throws a `TransactionLostError`, for outside the transaction it would mean something else.
 */
export function runAfterLoss(
  { node, cause }: TransactionLostError,
  statement: Statement,
  text: string,
): pg.QueryResult {
  if (endsInRollback(statement, text)) return rolledBack();
  throw new TransactionLostError(node, cause);
}

/** The statement undoes the transaction, and begins no other one. */
export function endsInRollback({ transaction }: Statement, text: string): boolean {
  return transaction === 'end' && isRollback(text) && !/\bchain\b/i.test(text);
}

/** As `pg` gives it. A new one each time: it belongs to the caller. */
export const rolledBack = (): pg.QueryResult => ({
  command: 'ROLLBACK',
  rowCount: 0,
  oid: 0,
  rows: [],
  fields: [],
});
