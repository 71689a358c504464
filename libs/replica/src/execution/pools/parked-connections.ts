import type { Connection, Database, NodeAccess, Outside } from '../database.js';

interface ParkedConnectionsOptions {
  readonly database: Database;
  readonly access: NodeAccess;
  readonly outside: Outside;
}

interface ParkedConnection {
  readonly connection: Connection;
  readonly owner: object;
  readonly timer: NodeJS.Timeout | undefined;
  readonly unlisten: () => void;
}

/** How long a request's connection waits for the next statement at most; milliseconds. */
const REQUEST_MS = 10_000;

/** Owns what runs outside any request. */
export const OUTSIDE_OWNER: object = Object.freeze({});

/**
 * Connections that were returned with something left on them (`SET`, a session's lock, a temporary table, `LISTEN`). The next
 * statement of the same request finds its connection again. So does the next statement outside any request, if that is where the
 * connection was used. Before anybody else gets a parked connection, it is reset. Parked connections count as connections of the
 * pool, and give way to whoever waits for one.
 */
export class ParkedConnections {
  readonly #options: ParkedConnectionsOptions;
  readonly #parked: ParkedConnection[] = [];

  constructor(options: ParkedConnectionsOptions) {
    this.#options = options;
  }

  get size(): number {
    return this.#parked.length;
  }

  /** Keeps the connection until its owner asks for it, but no longer than connections may stay idle. */
  park(connection: Connection, owner: object): void {
    const { database, access, outside } = this.#options;
    this.#parked.push({
      connection,
      owner,
      timer: outside(() => this.#closeLater(connection, owner)),
      unlisten: database.onEnd(connection, () => this.#close(connection)),
    });
    if (access.limits.allowExitOnIdle) database.keepProcessAlive(connection, false);
  }

  take(owner: object): Connection | undefined {
    const parked = this.#parked.findLast((other) => other.owner === owner);
    return parked === undefined ? undefined : this.#remove(parked.connection);
  }

  /** Somebody waits for a connection. Resets the one parked first, and returns it to the pool. */
  giveWay(): void {
    const first = this.#parked[0];
    if (first !== undefined) void this.reset(this.#remove(first.connection) as Connection);
  }

  /** Removes what was left on the connection and returns it to its pool. Never rejects. */
  async reset(connection: Connection): Promise<void> {
    const { database, access, outside } = this.#options;
    try {
      if (access.isEachConnectionPrepared) throw new Error('closed: it has to be made anew');
      await outside(() => database.reset(connection));
      database.release(connection);
    } catch (error) {
      database.release(connection, error as Error);
    }
  }

  end(): void {
    for (const { connection } of this.#parked.slice()) this.#close(connection);
  }

  #closeLater(connection: Connection, owner: object): NodeJS.Timeout | undefined {
    const { idleMs, allowExitOnIdle } = this.#options.access.limits;
    const ms = owner === OUTSIDE_OWNER ? idleMs : Math.min(idleMs, REQUEST_MS);
    if (ms === Infinity) return undefined;
    const timer = setTimeout(() => this.#close(connection), ms);
    return allowExitOnIdle ? timer.unref() : timer;
  }

  #close(connection: Connection): void {
    if (this.#remove(connection) !== undefined)
      this.#options.database.release(connection, new Error('closed: something was left on it'));
  }

  #remove(connection: Connection): Connection | undefined {
    const index = this.#parked.findIndex((parked) => parked.connection === connection);
    const [parked] = index < 0 ? [] : this.#parked.splice(index, 1);
    if (parked === undefined) return undefined;
    clearTimeout(parked.timer);
    parked.unlisten();
    this.#options.database.keepProcessAlive(connection, true);
    return connection;
  }
}
