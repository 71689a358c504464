import type { Position } from '../session/position.js';
import type { ServerIdentity } from './server-identity.js';
import type { NodeSnapshot } from './topology.js';

/** What one probe of a node found. */
export interface ProbeResult {
  /** The node refuses writes: it follows another one. */
  readonly isReadOnly: boolean;
  /** The primary's current position, or the replica's replayed one. `undefined`: the node could not tell. */
  readonly position: Position | undefined;
  /**
   * The number of the history that the node is on, from 1: each promotion begins a higher one. Of a writable node, the one
   * that it writes on; of a replica, the one that it receives. `undefined`: the node could not tell.
   */
  readonly epoch: number | undefined;
  /** Which server answered; absent where it does not tell. */
  readonly identity?: ServerIdentity;
  /** A replica is receiving changes from its sender now, and `epoch` is the history that they belong to. */
  readonly isStreaming?: boolean;
  /** What a replica's receiver does, in the server's own word, for people: see `NodeSnapshot.receiver`. */
  readonly receiver?: string;
  /** `host:port` of the server that a replica receives from, as the replica calls it. Absent while it receives nothing, or may not tell. */
  readonly sender?: string;
  /** The node's data is at least this old, says the user's own probe; milliseconds. */
  readonly minLagMs?: number;
  /** It answers, and may not serve, says the user's own probe: why. */
  readonly problem?: string;
}

/** What a node says of itself for people, whether it may serve or not. */
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
 * Asks one node who and where it is. A database implements it, on a connection of its own that no statement shares.
 * At most one call of `probe` is under way at a time.
 */
export interface NodeProbe {
  /** Rejects when the node does not answer within `timeoutMs`, or not with sense. Connects anew when needed. */
  probe(timeoutMs: number): Promise<ProbeResult>;
  /** The next probe connects anew: by then another server may answer at the node's address. */
  reconnect(): void;
  /** Ends the connection. */
  close(): Promise<void>;
}
