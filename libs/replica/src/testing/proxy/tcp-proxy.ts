/** The server behind a proxy. A `PostgresNode` of a test cluster will do. */
export interface TcpProxyTarget {
  readonly host: string;
  readonly port: number;
  /** A URL of the target. The proxy's own `url` is the same with another host and port. */
  readonly url?: string;
}

/**
 * A TCP proxy on 127.0.0.1 that does what networks do. A client that connects to it reaches the target, and is not told what the
 * proxy does to the connection. Faults stay until `restore()`, except a `reset()`, which is over at once.
 */
export interface TcpProxy {
  readonly host: string;
  /** Stays the same for as long as the proxy lives. */
  readonly port: number;
  /** The target's URL with this host and port; for a target without one `tcp://host:port`. */
  readonly url: string;
  /** How many connections of clients are open. */
  readonly connections: number;

  /**
   * Loses every byte in both directions, and the news that a side has closed. Accepts new connections and holds them without an
   * answer. Like a cut cable or a firewall that drops packets, only a time-out reveals it.
   */
  blackHole(): void;
  /** Breaks all open connections with a TCP reset (`ECONNRESET`), on both sides. New ones are served. */
  reset(): void;
  /** Refuses new connections (`ECONNREFUSED`), like a port on which nobody listens. Open ones go on. */
  refuse(): void;
  /**
   * Delays each byte in each direction; milliseconds, from 0. So an answer takes twice as long.
   * @throws RangeError if it is no such number
   */
  delay(ms: number): void;
  /**
   * Sends new connections to this target, as if an address moved to another server, or to several in turn. Open ones stay where they
   * are.
   * @throws RangeError if there is no target
   */
  redirect(target: TcpProxyTarget | readonly TcpProxyTarget[]): void;
  /**
   * Ends a `blackHole()`, a `refuse()` and a `delay()`, and resolves when the proxy serves new connections. It resets connections
   * that lost bytes, because they cannot go on.
   */
  restore(): Promise<void>;
  /** Resets all connections and ends the proxy. Later calls do nothing. */
  close(): Promise<void>;
  /** `close()`, for `await using proxy = await startTcpProxy(...)`. */
  [Symbol.asyncDispose](): Promise<void>;
}
