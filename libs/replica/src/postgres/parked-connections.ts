import type pg from 'pg';
import type { Outside } from './create-pool.js';
import { queryWith } from './query-call.js';

/** What {@link ParkedConnections} work with. */
export interface ParkedConnectionsOptions {
  readonly config: pg.PoolConfig;
  readonly outside: Outside;
  /** Somebody does something to each new connection, which a reset would undo. */
  readonly isRenewedOnly: () => boolean;
  /** All that was prepared on a connection is gone. */
  readonly onForgotten: (client: pg.ClientBase) => void;
}

interface Parked {
  readonly client: pg.PoolClient;
  readonly owner: object;
  readonly timer: NodeJS.Timeout | undefined;
  readonly onEnd: () => void;
}

/** So long a request's connection waits for its next statement, at most; milliseconds. */
const REQUEST_MS = 10_000;
/** By default of `pg-pool`. */
const IDLE_MS = 10_000;

/** Stands for all that runs outside any request. */
export const OUTSIDE_OWNER: object = Object.freeze({});

/**
 * Connections that were given back with something left on them (`SET`, a session's lock, a temporary table, `LISTEN`). The next statement of
 * the same request finds it, or of whatever runs outside any; nobody else does: before others get such a connection it is reset. It counts
 * among those of the pool, and is given up for whoever waits for one.
 */
export class ParkedConnections {
  readonly #options: ParkedConnectionsOptions;
  readonly #parked: Parked[] = [];

  constructor(options: ParkedConnectionsOptions) {
    this.#options = options;
  }

  get size(): number {
    return this.#parked.length;
  }

  /** Keeps it for its owner until that asks for it, for as long as connections may idle. */
  park(client: pg.PoolClient, owner: object): void {
    const parked: Parked = {
      client,
      owner,
      timer: this.#options.outside(() => this.#closeLater(client, owner)),
      onEnd: () => this.#close(client),
    };
    client.on('end', parked.onEnd);
    this.#parked.push(parked);
    if (this.#options.config.allowExitOnIdle === true) reference(client, 'unref');
  }

  /** The one that was parked last by this owner; `undefined`: there is none. */
  take(owner: object): pg.PoolClient | undefined {
    const parked = this.#parked.findLast((other) => other.owner === owner);
    return parked === undefined ? undefined : this.#remove(parked.client);
  }

  /** Somebody waits for a connection: the one that was parked first is reset and given back. */
  giveWay(): void {
    const client = this.#parked[0]?.client;
    if (client !== undefined) void this.reset(this.#remove(client) as pg.PoolClient);
  }

  /** Takes off what was left on it, and gives it back to its pool. Never rejects. */
  async reset(client: pg.PoolClient): Promise<void> {
    try {
      if (this.#options.isRenewedOnly()) throw new Error('closed: it has to be made anew');
      await queryWith(client, ['DISCARD ALL']);
      // `pg` remembers what it has prepared.
      Object.assign((client as unknown as { connection: object }).connection, { parsedStatements: {} });
      this.#options.onForgotten(client);
      client.release();
    } catch (error) {
      client.release(error as Error);
    }
  }

  /** Closes all. */
  end(): void {
    for (const { client } of this.#parked.slice()) this.#close(client);
  }

  #closeLater(client: pg.PoolClient, owner: object): NodeJS.Timeout | undefined {
    const { idleTimeoutMillis, allowExitOnIdle } = this.#options.config;
    const idleMs = (idleTimeoutMillis ?? IDLE_MS) || Infinity;
    const ms = owner === OUTSIDE_OWNER ? idleMs : Math.min(idleMs, REQUEST_MS);
    if (ms === Infinity) return undefined;
    const timer = setTimeout(() => this.#close(client), ms);
    return allowExitOnIdle === true ? timer.unref() : timer;
  }

  #close(client: pg.PoolClient): void {
    this.#remove(client)?.release(new Error('closed: something was left on it'));
  }

  #remove(client: pg.PoolClient): pg.PoolClient | undefined {
    const index = this.#parked.findIndex((parked) => parked.client === client);
    const [parked] = index < 0 ? [] : this.#parked.splice(index, 1);
    if (parked === undefined) return undefined;
    clearTimeout(parked.timer);
    client.removeListener('end', parked.onEnd);
    reference(client, 'ref');
    return client;
  }
}

/** Whether the connection alone keeps the process alive. */
function reference(client: pg.PoolClient, how: 'ref' | 'unref'): void {
  (client as unknown as Partial<Record<'ref' | 'unref', () => void>>)[how]?.();
}
