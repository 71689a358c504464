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
