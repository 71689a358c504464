import { NodeUnavailableError } from './node-unavailable.error.js';
import { messageOf } from './describe-error.js';

/** What is known of a primary that is away. */
export interface AbsentPrimary {
  /** The node's name. */
  readonly node: string;
  /** Its `host:port`. */
  readonly address: string;
  /** Since when it is known to be away. */
  readonly since: Date;
  /** How long the statement has waited for it; milliseconds. */
  readonly waitedMs: number;
}

/**
 * A statement needs the primary, and there is none: it does not answer, and no replica has been promoted. Nothing was
 * sent, so it may be run again.
 */
export class PrimaryUnavailableError extends Error {
  override readonly name = 'PrimaryUnavailableError';
  readonly code = 'REPLICA_PRIMARY_UNAVAILABLE';
  /** The node's name. */
  readonly node: string;
  /** Its `host:port`. */
  readonly address: string;
  /** Since when it is known to be away. */
  readonly since: Date;
  /** How long the statement has waited for it; milliseconds. */
  readonly waitedMs: number;

  constructor({ node, address, since, waitedMs }: AbsentPrimary, cause: unknown) {
    const problem = messageOf(cause instanceof NodeUnavailableError ? cause.cause : cause);
    super(
      `The primary ${node} (${address}) is away since ${since.toISOString()}: ${problem}. Nothing was sent` +
        `${waitedMs > 0 ? `, after ${Math.round(waitedMs)} ms of waiting` : ''}. Start it or promote a replica; ` +
        'primaryWaitMs lets statements wait for that.',
      { cause },
    );
    this.node = node;
    this.address = address;
    this.since = since;
    this.waitedMs = waitedMs;
  }
}
