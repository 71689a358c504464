import { NodeAddress } from './database-cluster.js';

/**
 * The port that a backend implements: one server and its files. It knows nothing of replication. Calls do not overlap, except that
 * `kill` may come at any time.
 */
export interface NodeServer {
  readonly name: string;
  /** The address at which clients reach it. */
  readonly address: NodeAddress;
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
  readLog(): Promise<string>;
}

/** A host name or address, and a port. */
export interface ServerEndpoint {
  readonly host: string;
  readonly port: number;
}

/** Adds the URL to an address, whose parts need no escaping. */
export function withUrl(scheme: 'postgres' | 'mariadb', address: Omit<NodeAddress, 'url'>): NodeAddress {
  const { host, port, database, username, password } = address;
  return { ...address, url: `${scheme}://${username}:${password}@${host}:${port}/${database}` };
}
