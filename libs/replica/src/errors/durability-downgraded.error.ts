/**
 * A transaction of `withDurability()` is committed on the primary, but somebody cancelled the wait for the standbys. If the
 * primary is lost now, the transaction may be lost with it.
 *
 * TypeORM wraps it in a `QueryFailedError`, which has the same `code`, and the error itself as `driverError`.
 */
export class DurabilityDowngradedError extends Error {
  override readonly name = 'DurabilityDowngradedError';
  readonly code = 'REPLICA_DURABILITY_DOWNGRADED';

  constructor(
    /** The name of the node that has committed it. */
    readonly node: string,
    /** What was asked for. */
    readonly durability: string,
  ) {
    super(
      `The transaction is committed on ${node}, but the standbys have not confirmed it as '${durability}' asks: the wait for them ` +
        `was cancelled. Do not run it again. Other sessions see it; it may be lost if ${node} is lost before a standby has it.`,
    );
  }
}
