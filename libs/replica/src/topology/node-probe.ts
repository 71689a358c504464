import type { Position } from '../session/position.js';
import type { ServerIdentity } from './server-identity.js';
import type { NodeSnapshot } from './topology.js';

/** The answer to one probe of a node. */
export interface ProbeResult {
  /** The node refuses writes, because it follows another one. */
  readonly isReadOnly: boolean;
  /** The current position of a primary, or the replayed one of a replica; `undefined`: the node could not tell. */
  readonly position: Position | undefined;
  /**
   * The number of the history that the node is on, from 1: each promotion begins a higher one. Of a writable node, the one
   * that it writes on; of a replica, the one that it receives. `undefined`: the node could not tell.
   */
  readonly epoch: number | undefined;
  /** Which server answered; absent if it does not tell. */
  readonly identity?: ServerIdentity;
  /** A replica is receiving changes from its sender now, and `epoch` is the history that they belong to. */
  readonly isStreaming?: boolean;
  /** What a replica's receiver does, in the server's own word, for people: see `NodeSnapshot.receiver`. */
  readonly receiver?: string;
  /** `host:port` of the server that a replica receives from, as the replica calls it. Absent while it receives nothing, or may not tell. */
  readonly sender?: string;
  /** The least age of the node's data, according to the user's own probe; milliseconds. */
  readonly minLagMs?: number;
  /** Why the node may not serve although it answers, according to the user's own probe. */
  readonly problem?: string;
}

/** What a node tells people about itself, whether it may serve or not. */
export type SelfDescription = Partial<Pick<NodeSnapshot, 'epoch' | 'receiver'>>;

export function selfDescriptionOf({ epoch, receiver }: ProbeResult): SelfDescription {
  return { epoch, receiver };
}

/** When a probe began and ended, in milliseconds of the monotonic clock. */
export interface ProbeTimes {
  readonly startedMs: number;
  readonly endedMs: number;
}

/**
 * Asks one node what it is and how far it is. Each database implements it, on a connection that no statement shares. At most one
 * call of `probe` is under way at a time.
 */
export interface NodeProbe {
  /** Connects if necessary. Rejects if the node does not answer within `timeoutMs`, or answers nonsense. */
  probe(timeoutMs: number): Promise<ProbeResult>;
  /** Lets the next probe open a new connection, because another server may answer at the node's address by then. */
  reconnect(): void;
  /** Ends the connection. */
  close(): Promise<void>;
}
