import type { Connection, Database, NodeAccess, Outside } from '../database.js';

/** What {@link ParkedConnections} work with. */
export interface ParkedConnectionsOptions {
  readonly database: Database;
  readonly access: NodeAccess;
  readonly outside: Outside;
}

interface ParkedConnection {
  readonly connection: Connection;
  readonly owner: object;
  readonly timer: NodeJS.Timeout | undefined;
  /** Listens to the connection's end no more. */
  readonly unlisten: () => void;
}

/** So long a request's connection waits for its next statement, at most; milliseconds. */
const REQUEST_MS = 10_000;

/** Stands for all that runs outside any request. */
export const OUTSIDE_OWNER: object = Object.freeze({});

/**
 * Connections that were given back with something left on them (`SET`, a session's lock, a temporary table, `LISTEN`). The next statement of
 * the same request finds it, or of whatever runs outside any; nobody else does: before others get such a connection it is reset. It counts
 * among those of the pool, and is given up for whoever waits for one.
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

  /** Keeps it for its owner until that asks for it, for as long as connections may idle. */
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

  /** The one that was parked last by this owner; `undefined`: there is none. */
  take(owner: object): Connection | undefined {
    const parked = this.#parked.findLast((other) => other.owner === owner);
    return parked === undefined ? undefined : this.#remove(parked.connection);
  }

  /** Somebody waits for a connection: the one that was parked first is reset and given back. */
  giveWay(): void {
    const first = this.#parked[0];
    if (first !== undefined) void this.reset(this.#remove(first.connection) as Connection);
  }

  /** Takes off what was left on it, and gives it back to its pool. Never rejects. */
  async reset(connection: Connection): Promise<void> {
    const { database, access } = this.#options;
    try {
      if (access.isEachConnectionPrepared) throw new Error('closed: it has to be made anew');
      await database.reset(connection);
      database.release(connection);
    } catch (error) {
      database.release(connection, error as Error);
    }
  }

  /** Closes all. */
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
