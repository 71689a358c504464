import { messageOf } from './describe-error.js';

/**
 * The connection was lost inside a transaction, before its COMMIT: the server rolls it back, nothing of it was written.
 * `cause` is the driver's error. The whole transaction may be run again.
 */
export class TransactionLostError extends Error {
  override readonly name = 'TransactionLostError';
  readonly code = 'REPLICA_TRANSACTION_LOST';

  constructor(
    /** The name of the node that it ran on. */
    readonly node: string,
    cause: unknown,
  ) {
    super(
      `The connection to ${node} was lost inside a transaction (${messageOf(cause)}): it is rolled back, nothing of it was written. ` +
        'Run the whole transaction again.',
      { cause },
    );
  }
}
