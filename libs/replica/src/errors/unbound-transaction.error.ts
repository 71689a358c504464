/**
 * A transaction was to be begun by `query()` of a data source or pool, whose connection is given back right behind it: what comes next would
 * run on another one, outside the transaction. Nothing was sent.
 */
export class UnboundTransactionError extends Error {
  override readonly name = 'UnboundTransactionError';
  readonly code = 'REPLICA_UNBOUND_TRANSACTION';

  constructor() {
    super(
      'A transaction that query() begins would end with it, for each query() may run on another connection. ' +
        'Use transaction(), a query runner, or a client of the pool; or send BEGIN and COMMIT in one text.',
    );
  }
}
