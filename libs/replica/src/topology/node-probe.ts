import type { Position } from '../session/position.js';
import type { NodeSnapshot } from './topology.js';

/**
 * The server on the other end of a connection. The server tells it once, when the connection is opened. It stays true for as long
 * as the connection lives, because a server that stops or crashes takes all its connections with it.
 */
export interface ServerIdentity {
  /**
   * The cluster that the server belongs to. Servers that were ever copied from one another share it, and no others do.
   * `undefined`: the server does not tell.
   */
  readonly system: string | undefined;
  /** When the server was started, by its own clock. A promotion keeps it, and so does the recovery after one of its processes crashed. */
  readonly startedAt: string;
  /**
   * One run of one server. Each start and each crash begins another. A position of one incarnation says nothing about the next,
   * because recovery from a crash starts further back.
   */
  readonly incarnation: string;
  /** How long the server had been running when the connection was opened; milliseconds of its own clock. */
  readonly uptimeMs: number;
  /** The server's own `host:port`, behind any proxies; `undefined`: it was not reached over a network. */
  readonly ownAddress: string | undefined;
}

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
  /**
   * The node accepts writes, and may have been promoted a moment ago: that can only be told once the primary has been asked again.
   * `epoch` tells nothing then.
   */
  readonly mayBePromoted?: boolean;
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

export interface WatchedNode extends Pick<
  NodeSnapshot,
  'name' | 'role' | 'address' | 'weight' | 'region' | 'tags' | 'endpoint'
> {
  /** Belongs to the monitor from now on, which closes it. */
  readonly probe: NodeProbe;
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
  /**
   * Resolves to `true` as soon as the node has replayed the position, and to `false` after `timeoutMs`, or if the node cannot wait.
   * Never rejects. Absent if the database cannot wait. At most one call is under way at a time.
   */
  reaches?(position: Position, timeoutMs: number): Promise<boolean>;
  /** Lets the next probe open a new connection, because another server may answer at the node's address by then. */
  reconnect(): void;
  close(): Promise<void>;
}
