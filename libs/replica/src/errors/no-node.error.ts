/** No node at all can be reached at the start, though `startWithoutPrimary` would be content with a replica. */
export class NoNodeError extends Error {
  override readonly name = 'NoNodeError';
  readonly code = 'REPLICA_NO_NODE';

  constructor(
    /** Each node with its problem, as `name (host:port): problem`. */
    readonly nodes: readonly string[],
  ) {
    super(
      `No node can be reached: ${nodes.join('; ')}. One of them has to answer for the application to start.`,
    );
  }
}
