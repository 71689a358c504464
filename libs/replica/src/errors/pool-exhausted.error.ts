/** All connections of a node's pool are in use, and none came free within its `connectTimeoutMs`. The node may be well. */
export class PoolExhaustedError extends Error {
  override readonly name = 'PoolExhaustedError';
  readonly code = 'REPLICA_POOL_EXHAUSTED';
  /** Connections in use. */
  readonly inUse: number;
  /** Statements that wait for one, this one included. */
  readonly waiting: number;

  constructor(
    /** The node's name. */
    readonly node: string,
    { inUse, waiting }: { inUse: number; waiting: number },
  ) {
    super(
      `No connection to ${node} came free in time: ${inUse} are in use, ${waiting} statements wait. ` +
        'Raise pool.size (or poolSize), shorten transactions, or look for query runners that are not released.',
    );
    this.inUse = inUse;
    this.waiting = waiting;
  }
}
