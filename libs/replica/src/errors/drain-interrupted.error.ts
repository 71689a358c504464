/** `drain()` waited for what runs on a replica, and that was given up before it had ended. */
export class DrainInterruptedError extends Error {
  override readonly name = 'DrainInterruptedError';
  readonly code = 'REPLICA_DRAIN_INTERRUPTED';

  constructor(
    readonly node: string,
    /** What happened meanwhile. */
    readonly because: 'resumed' | 'destroyed',
  ) {
    super(
      because === 'resumed'
        ? `${node} was resumed before all that ran on it had ended: do not take it down. Drain it again to do so.`
        : `The data source was destroyed before all that ran on ${node} had ended.`,
    );
  }
}
