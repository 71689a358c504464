import { NodeServer } from '../node-server.js';

/** The superuser of every cluster. */
export const USERNAME = 'postgres';

/** The database in the nodes' addresses. It exists from the beginning, however late replicas are made to replay. */
export const DATABASE = 'postgres';

/** A PostgreSQL server, with what differs between backends where it replicates. */
export interface PostgresServer extends NodeServer {
  /** Configures the server as a replica of `upstream`. A running server learns of it at `reload()`. */
  writeUpstream(upstream: NodeServer): Promise<void>;
  /** Makes the running server read its settings again. */
  reload(): Promise<void>;
  /** Replaces the files of this stopped server by a copy of the running `upstream`, ready to start as its replica. */
  cloneFrom(upstream: NodeServer): Promise<void>;
}
