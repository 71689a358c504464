/** A replica as it was last seen. */
export interface LaggingReplica {
  readonly name: string;
  readonly health: string;
  /** How far its data is behind the primary, in milliseconds; `null` while unknown. */
  readonly lagMs: number | null;
}

/**
 * `onLag: 'retry'`: no replica shows yet what the token covers. Nothing was done, so the queue may run the job again
 * later.
 */
export class ReplicaBehindError extends Error {
  override readonly name = 'ReplicaBehindError';
  readonly code = 'REPLICA_BEHIND';

  constructor(
    /** How long a replica was waited for; milliseconds. */
    readonly waitedMs: number,
    readonly replicas: readonly LaggingReplica[],
  ) {
    const seen = replicas.map(({ name, health, lagMs }) =>
      health === 'up' ? `${name} lags ${lagMs ?? 'an unknown number of'} ms` : `${name} is ${health}`,
    );
    super(
      `No replica shows what the token covers after ${waitedMs} ms (${seen.join(', ')}), and onLag is 'retry'. Nothing ` +
        `was done: let the queue run it again later, or set onLag to 'wait' or 'primary'.`,
    );
  }
}
