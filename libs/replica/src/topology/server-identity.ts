/**
 * Which server answers on a connection, as it told once, when the connection was made. It stays true for as long as the
 * connection lives: a server that ends or crashes takes all its connections with it.
 */
export interface ServerIdentity {
  /**
   * Which cluster it is of: all servers that were ever copied from one another have it in common, and no others.
   * `undefined`: the server does not tell.
   */
  readonly system: string | undefined;
  /** When the server was started, by its own clock. A promotion keeps it, and so does recovery after a crash of one process. */
  readonly startedAt: string;
  /**
   * One run of one server: another one after each start and after each crash. A position that one incarnation told says
   * nothing of the next: recovery from a crash begins further back.
   */
  readonly incarnation: string;
  /** For how long it had been running when the connection was made; milliseconds of its own clock. */
  readonly uptimeMs: number;
  /** `host:port` at which the server itself was reached, behind whatever proxies; `undefined`: by no network. */
  readonly ownAddress: string | undefined;
}
