import { PostgresAddress } from './postgres-cluster.js';

/**
 * The port that a backend implements: one server and its files. It knows no replication state. Calls do not overlap, but that
 * `kill` may come at any time.
 */
export interface NodeServer {
  readonly name: string;
  /** Where clients reach it. */
  readonly address: PostgresAddress;
  /** Where the other servers of the cluster reach it. */
  readonly replicationEndpoint: ServerEndpoint;
  /** False when the server has ended; a backend that can notice it says so also when nobody asked it to end. */
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
  /** Writes into the files that the server is a replica of `upstream`; a running server learns it at `reload()`. */
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

/** The servers of a cluster, made and running. */
export interface ServerGroup {
  readonly backend: 'embedded' | 'containers';
  readonly primary: NodeServer;
  readonly replicas: readonly NodeServer[];
  /** Removes all that the servers, which have ended, leave behind. */
  release(): Promise<void>;
}

/** The superuser of every cluster. */
export const USERNAME = 'postgres';

/** The database that nodes are addressed with: it is there from the beginning, however late replicas are made to replay. */
export const DATABASE = 'postgres';

/** Completes an address; its parts need no escaping. */
export function withUrl(address: Omit<PostgresAddress, 'url'>): PostgresAddress {
  const { host, port, database, username, password } = address;
  return { ...address, url: `postgres://${username}:${password}@${host}:${port}/${database}` };
}
