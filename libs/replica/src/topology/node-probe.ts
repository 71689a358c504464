import type { Position } from '../session/position.js';
import type { ServerIdentity } from './server-identity.js';

/** What one probe of a node found. */
export interface ProbeResult {
  /** The node refuses writes: it is a standby. */
  readonly inRecovery: boolean;
  /** The primary's current position, or the replica's replayed one. `undefined`: the node could not tell. */
  readonly position: Position | undefined;
  /**
   * The timeline that a writable node writes on: each promotion begins a higher one. Of a standby the one that it receives;
   * `undefined` where it could not tell.
   */
  readonly timeline: number | undefined;
  /** Which server answered; absent where it does not tell. */
  readonly identity?: ServerIdentity;
  /** What a standby's WAL receiver does: see `NodeSnapshot.receiver`. */
  readonly receiver?: string;
  /** `host:port` of the server that a standby's WAL receiver streams from, as the standby calls it; absent while it does not, or may not tell. */
  readonly sender?: string;
  /** The node's data is at least this old, says the user's own probe; milliseconds. */
  readonly minLagMs?: number;
  /** It answers, and may not serve, says the user's own probe: why. */
  readonly problem?: string;
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
