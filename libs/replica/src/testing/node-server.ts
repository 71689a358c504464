import { PostgresAddress } from './postgres-cluster.js';

/**
 * The port that a backend implements: one server and its files. It knows nothing of replication. Calls do not overlap, except that
 * `kill` may come at any time.
 */
export interface NodeServer {
  readonly name: string;
  /** The address at which clients reach it. */
  readonly address: PostgresAddress;
  /** The address at which the other servers of the cluster reach it. */
  readonly replicationEndpoint: ServerEndpoint;
  /** False if the server has ended. Some backends also notice a server that ended by itself. */
  readonly running: boolean;
  /**
   * Resolves when the server accepts connections.
   * @throws NodeStartError
   */
  start(): Promise<void>;
  stop(): Promise<void>;
  kill(): Promise<void>;
  hang(): Promise<void>;
  resume(): Promise<void>;
  /** Configures the server as a replica of `upstream`. A running server learns of it at `reload()`. */
  writeUpstream(upstream: NodeServer): Promise<void>;
  /** Makes the running server read its settings again. */
  reload(): Promise<void>;
  /** Replaces the files of this stopped server by a copy of the running `upstream`, ready to start as its replica. */
  cloneFrom(upstream: NodeServer): Promise<void>;
  readLog(): Promise<string>;
}

/** A host name or address, and a port. */
export interface ServerEndpoint {
  readonly host: string;
  readonly port: number;
}

/** The running servers of a cluster. */
export interface ServerGroup {
  readonly backend: 'embedded' | 'containers';
  readonly primary: NodeServer;
  readonly replicas: readonly NodeServer[];
  /** Removes everything that the servers left behind. They have ended by then. */
  release(): Promise<void>;
}

/** The superuser of every cluster. */
export const USERNAME = 'postgres';

/** The database in the nodes' addresses. It exists from the beginning, however late replicas are made to replay. */
export const DATABASE = 'postgres';

/** Adds the URL to an address, whose parts need no escaping. */
export function withUrl(address: Omit<PostgresAddress, 'url'>): PostgresAddress {
  const { host, port, database, username, password } = address;
  return { ...address, url: `postgres://${username}:${password}@${host}:${port}/${database}` };
}
