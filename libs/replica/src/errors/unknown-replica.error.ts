/** A name was given of a node that is no replica (any more), or is the primary. */
export class UnknownReplicaError extends Error {
  override readonly name = 'UnknownReplicaError';
  readonly code = 'REPLICA_UNKNOWN_REPLICA';

  /** The name that was given, where it has the shape of one. */
  readonly node: string;

  constructor(
    given: string,
    /** The names of the replicas there are. */
    readonly replicas: readonly string[],
    { isPrimary }: { readonly isPrimary: boolean },
  ) {
    const node = /^[\w.-]{1,64}$/.test(given) ? given : 'what was given';
    super(
      `${node} is ${isPrimary ? 'the primary, which takes all writes' : 'no node of this data source'}: ` +
        `name one of the replicas (${replicas.join(', ') || 'there are none'}).`,
    );
    this.node = node;
  }
}
