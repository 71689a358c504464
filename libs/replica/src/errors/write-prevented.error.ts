/** A write was about to be sent where writes are prevented (`preventWrites: true`). Nothing was sent. */
export class WritePreventedError extends Error {
  override readonly name = 'WritePreventedError';
  readonly code = 'REPLICA_WRITE_PREVENTED';

  constructor(
    /** What the statement was taken for. */
    readonly kind: 'write' | 'unknown',
    /** Why it is not a read, e.g. `calls nextval()`; never a literal of the statement. */
    readonly because: string | undefined,
  ) {
    super(
      `A statement that ${kind === 'unknown' ? 'may write' : 'writes'}${because === undefined ? '' : ` (${because})`} was ` +
        `prevented by preventWrites: true. Run it outside this scope, or in a scope without that option.`,
    );
  }
}
