import { NodeAddress } from './database-cluster.js';
import { NodeServer, ServerEndpoint } from './node-server.js';

/** Runs one statement and returns its rows. */
export type RunQuery = <Row extends object = Record<string, unknown>>(
  sql: string,
  params?: readonly unknown[],
) => Promise<Row[]>;

/**
 * - `streaming`: everything new will arrive.
 * - `never`: the replica has what the upstream does not have, so nothing will arrive.
 * - `not yet`: neither can be told so far.
 */
export type StreamState = 'streaming' | 'never' | 'not yet';

/** How far a replica has replayed. */
export interface ReplayProgress {
  /** As the database shows positions. */
  readonly reached: string;
  /** Whether there is nothing to wait for: the position has been reached, or the node does not replay at present. */
  readonly isOver: boolean;
}

/** The port that a database implements: how its servers replicate. Every server runs, unless a method says otherwise. */
export interface Replication<Server extends NodeServer> {
  /** Gives `work` a superuser's connection, and closes it whatever happens. Rejects if there is none within 10 s. */
  withConnection<Result>(
    address: Omit<NodeAddress, 'url'>,
    work: (query: RunQuery) => Promise<Result>,
  ): Promise<Result>;

  /** Resolves when the replica has confirmed it. */
  pauseReplay(replica: Server): Promise<void>;
  resumeReplay(replica: Server): Promise<void>;
  isPaused(replica: Server): Promise<boolean>;
  /** Resolves when the replica accepts writes. */
  promote(replica: Server): Promise<void>;

  /**
   * Makes a server, which may be stopped, go on as a replica of `upstream` with the data that it has.
   * @param wasPrimary whether it has followed nobody until now
   * @returns false if only a new copy can follow
   */
  repoint(server: Server, upstream: Server, wasPrimary: boolean): Promise<boolean>;
  /** Makes a stopped server a running replica of `upstream`, without anything that it had. */
  copy(server: Server, upstream: Server): Promise<void>;
  /** @param endpoint where the replica reaches `upstream` */
  streamState(replica: RunQuery, upstream: RunQuery, endpoint: ServerEndpoint): Promise<StreamState>;

  /** How far a primary's history reaches. */
  readWritten(primary: RunQuery): Promise<string>;
  /** @param target what `readWritten` told */
  readReplayed(replica: RunQuery, target: string): Promise<ReplayProgress>;
}
