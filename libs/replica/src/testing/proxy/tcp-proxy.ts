/** What a proxy stands in front of. A `PostgresNode` of a test cluster will do. */
export interface TcpProxyTarget {
  readonly host: string;
  readonly port: number;
  /** A URL of the target: the proxy's own `url` is the same one with another host and port. */
  readonly url?: string;
}

/**
 * A TCP proxy on 127.0.0.1 that does what networks do. Whoever connects to it reaches its target, and is not told of anything
 * that the proxy does to the connection. Faults stay until `restore()`, except a `reset()`, which is over at once.
 */
export interface TcpProxy {
  readonly host: string;
  /** Stays the same for as long as the proxy lives. */
  readonly port: number;
  /** The target's URL with this host and port; for a target without one `tcp://host:port`. */
  readonly url: string;
  /** Connections of clients that are open now. */
  readonly connections: number;

  /**
   * From now on every byte is lost, in both directions, and so is the news that a side has closed. New connections are accepted,
   * held, and get no answer. As a cut cable or a firewall that drops packets: only a time-out tells.
   */
  blackHole(): void;
  /** Breaks all open connections with a TCP reset (`ECONNRESET`), on both sides. New ones are served. */
  reset(): void;
  /** New connections are refused (`ECONNREFUSED`), as by a port on which nobody listens. Open ones go on. */
  refuse(): void;
  /**
   * Each byte, in each direction, takes so much longer; milliseconds, from 0. An answer is twice as late.
   * @throws RangeError when it is no such number
   */
  delay(ms: number): void;
  /** New connections go to this target, as when an address moves to another server. Open ones stay where they are. */
  redirect(target: TcpProxyTarget): void;
  /**
   * Ends a `blackHole()`, a `refuse()` and a `delay()`; resolves when new connections are served. Connections from which bytes
   * were lost cannot go on: they are reset.
   */
  restore(): Promise<void>;
  /** Resets all connections and ends the proxy. Later calls do nothing. */
  close(): Promise<void>;
  /** `close()`, for `await using proxy = await startTcpProxy(...)`. */
  [Symbol.asyncDispose](): Promise<void>;
}
