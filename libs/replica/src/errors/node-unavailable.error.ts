import { codeOf, messageOf } from './describe-error.js';

/** A node cannot be reached, or gives no connection within the time-out. Nothing was sent to it. */
export class NodeUnavailableError extends Error {
  override readonly name = 'NodeUnavailableError';
  readonly code = 'REPLICA_NODE_UNAVAILABLE';
  /** The error's code as the driver or the system gave it, e.g. `ECONNREFUSED` or `57P03`. */
  readonly reasonCode: string | undefined;

  constructor(
    /** The node's name. */
    readonly node: string,
    /** Its `host:port`. */
    readonly address: string,
    cause: unknown,
  ) {
    super(`${node} (${address}) is not available, nothing was sent to it: ${messageOf(cause)}`, { cause });
    this.reasonCode = codeOf(cause);
  }
}
