import { messageOf } from './describe-error.js';

/**
 * The connection was lost while a COMMIT, or a write outside a transaction, was under way: nobody knows whether it
 * happened. `cause` is the driver's error. The session that wrote stays on the primary for its `ttlMs`.
 *
 * TypeORM wraps it in a `QueryFailedError`, which has the same `code`, and the error itself as `driverError`.
 */
export class CommitOutcomeUnknownError extends Error {
  override readonly name = 'CommitOutcomeUnknownError';
  readonly code = 'REPLICA_COMMIT_OUTCOME_UNKNOWN';

  constructor(
    /** The name of the node that it was sent to. */
    readonly node: string,
    /** `commit`: of a transaction. `statement`: a write on its own. */
    readonly step: 'commit' | 'statement',
    cause: unknown,
  ) {
    super(
      `The connection to ${node} was lost while a ${step === 'commit' ? 'COMMIT' : 'write'} was under way ` +
        `(${messageOf(cause)}): it may have happened or not. Look whether it did before you do it again, or make it safe to do twice.`,
      { cause },
    );
  }
}
