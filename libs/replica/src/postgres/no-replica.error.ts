/** No replica may answer this read, and the options forbid to ask the primary instead (`fallback: 'error'`). */
export class NoReplicaError extends Error {
  override readonly name = 'NoReplicaError';
  readonly code = 'REPLICA_NONE_ELIGIBLE';

  constructor(
    /** Why: none is up and fresh enough, or all that were have failed to answer. */
    readonly reason: 'session-ahead' | 'no-eligible-replica' | 'replica-failed',
    /** Each replica with its health, as `name: health`. */
    readonly replicas: readonly string[],
  ) {
    super(
      `No replica may answer this read (${reason}; ${replicas.join(', ') || 'there are none'}), and fallback is 'error'. ` +
        `Mend the replicas, raise maxLagMs, or set fallback: 'primary'.`,
    );
  }
}
