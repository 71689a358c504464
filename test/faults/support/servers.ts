import type { DatabaseNode } from 'nestjs-replica/testing';

/** What the stage of faults asks of servers, in the words of their database. */
export interface Servers {
  /** Makes the table `counter`, and what the application's statements call. */
  readonly createSql: string;
  /** Makes so many rows, from 1, of version 0. */
  readonly fillSql: string;
  /** How many connections with these names, of the library and of the application, a node has. */
  countConnections(node: DatabaseNode, applications: readonly string[]): Promise<number>;
  /** How many reports run on a node. */
  countReports(node: DatabaseNode): Promise<number>;
  /** What a firewall or pooler does that closes connections on which nothing has happened for a while. */
  endIdle(node: DatabaseNode, applications: readonly string[]): Promise<unknown>;
  /** How many connections of a node were ended so far. It may be told up to a second later. */
  countEnded(node: DatabaseNode): Promise<number>;
  /** A replica receives nothing more, until the function that this gives is called. */
  breakReplication(node: DatabaseNode): Promise<() => Promise<unknown>>;
  /** Resolves when a replica whose primary is gone has replayed all that it can. Gives its position. */
  replayAll(node: DatabaseNode): Promise<bigint>;
}
