import { messageOf } from './describe-error.js';

/**
 * The connection of a read ended without a word, and its server crashed, or may have: the read may be what crashed it. So it was
 * not run on the primary, nor on more than one other node. `cause` is the driver's error of the last try. Do not just run it again.
 */
export class NodeCrashedError extends Error {
  override readonly name = 'NodeCrashedError';
  readonly code = 'REPLICA_NODE_CRASHED';

  constructor(
    /** The names of the nodes that it ran on, in order. */
    readonly nodes: readonly string[],
    cause: unknown,
  ) {
    super(
      `The connection of a read to ${nodes.join(', then to ')} was lost without a word of the server, which crashed or may have ` +
        `(${messageOf(cause)}). Because the read may be the reason it was not run on ${nodes.length > 1 ? 'a third node' : 'the primary'}. ` +
        "See the server's log before you run it again.",
      { cause },
    );
  }
}
