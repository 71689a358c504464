/** How a limit on reads that fall back on the primary was set, and how busy it was, when it let one wait in vain. */
export interface GateState {
  /** Reads inside at once. */
  readonly maxConcurrent: number;
  /** How long one more waits for its turn; milliseconds, 0 is not at all. */
  readonly queueTimeoutMs: number;
  /** How many others wait. */
  readonly waiting: number;
}

/**
 * No replica may answer this read, and the primary does not take it over: the options forbid it (`fallback: 'error'`), or
 * it has taken over as many as they allow.
 */
export class NoReplicaError extends Error {
  override readonly name = 'NoReplicaError';
  readonly code = 'REPLICA_NONE_ELIGIBLE';

  constructor(
    /** Why: none is up and fresh enough, or all that were have failed to answer. */
    readonly reason: 'session-ahead' | 'no-eligible-replica' | 'replica-failed',
    /** Each replica with its health, as `name: health`. */
    readonly replicas: readonly string[],
    /** With a limit on how many reads fall back at once: what it was like. */
    readonly limit?: GateState,
  ) {
    super(
      `No replica may answer this read (${reason}; ${replicas.join(', ') || 'there are none'}), and ` +
        (limit === undefined
          ? `fallback is 'error'. Mend the replicas, raise maxLagMs, or set fallback: 'primary'.`
          : `the primary takes over at most ${limit.maxConcurrent} at once (fallback.maxConcurrent): no turn came within ` +
            `${limit.queueTimeoutMs} ms, ${limit.waiting} others wait. Mend the replicas, or raise fallback.`),
    );
  }
}
