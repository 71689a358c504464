/** A new connection, and the key of the server that it leads to. */
export interface SortedConnection<C> {
  readonly connection: C;
  readonly server: string;
}

/** Something under way that gives a connection. */
export interface ConnectionLink<T> {
  readonly ready: Promise<T>;
  /** Nobody wants it any more. `ready` rejects if it has not settled. */
  end(): void;
}

/** How connections through one endpoint are made. */
export interface SearchOptions<C> {
  /** Makes one connection, wherever it leads, and asks who answers. Limits its own time, and does not throw. */
  readonly open: () => ConnectionLink<SortedConnection<C>>;
  readonly close: (connection: C) => void;
  /** Calls `listener` when the connection is lost. Returns a function that stops listening. */
  readonly onLost: (connection: C, listener: () => void) => () => void;
  /** An error like those of the driver's for a connection that could not be had. */
  readonly connectionLost: (why: string) => Error;
  /** An error like that of a pool in which no connection came free in time. */
  readonly timedOut: () => Error;
  readonly nowMs: () => number;
}
