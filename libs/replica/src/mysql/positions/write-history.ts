import type { Position } from '../../session/position.js';

/** What a replica says of the writes that it has replayed. */
export interface ReplayedWrites {
  /** The position that it has reached, if no other server has to be known for that. */
  readonly position: Position | undefined;
}

/**
 * Which writes a server has, told by the names that writes carry: each one names the server that wrote it. A writer is called by its
 * `server_id` (MariaDB), its `server_uuid` or the name of its replication group (MySQL).
 *
 * @typeParam H the class itself, so that only histories of one kind are compared
 */
export interface WriteHistory<H, R extends ReplayedWrites> {
  /** Whether any server but `writer` wrote a part of it. */
  hasOthersThan(writer: string): boolean;
  /** Whether anybody but `writer` has added to it since it was `before`. */
  hasOthersSince(before: H, writer: string): boolean;
  /** The writers of what the replica has replayed and this history lacks. */
  writersBeyond(replayed: R): readonly string[];
  /** Whether the replica has writes of its own that this history lacks. */
  lacksOwnWritesOf(replayed: R, writer: string): boolean;
  /** The position of a replica in this history, to which only `writer` adds; `undefined` if that cannot be told. */
  positionOf(replayed: R, writer: string): Position | undefined;
  /** The position of a write, by the name that the server gave it; `undefined` if `writer` did not write it, or it cannot be told. */
  positionOfWrite(gtid: string, writer: string): Position | undefined;
  /**
   * Whether `writer`, whose history this is, began to accept writes later than the other server, as far as what they have written can
   * tell.
   */
  orderOf(writer: string, other: Claim<H>): ClaimOrder;
}

/** A server that accepts writes, and what it has. */
export interface Claim<H> {
  readonly writer: string;
  readonly history: H;
}

/**
 * `ahead`: both took over from the same server, and only this one is known to have written since. The other one may write at any time.
 * `undefined`: nobody can tell.
 */
export type ClaimOrder = 'newer' | 'ahead' | 'older' | undefined;
