import type pg from 'pg';

/**
 * How long a statement may take on a node by its pool's own limits, the server's (`statement_timeout`) or the client's
 * (`query_timeout`), whichever ends first; milliseconds, infinite without any.
 */
export function statementLimitMs({ statement_timeout, query_timeout }: pg.PoolConfig): number {
  const limits = [Number(statement_timeout), Number(query_timeout)].filter((limit) => limit > 0);
  return Math.min(Infinity, ...limits);
}
