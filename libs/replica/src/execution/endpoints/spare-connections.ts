import type { SearchOptions, SortedConnection } from './search-options.js';

/** How many connections to one server are kept while nobody wants them, and for how long; milliseconds. */
const MAX_SPARES = 2;
const KEPT_MS = 5_000;

interface Spare<C> {
  readonly connection: C;
  /** Stops watching it. */
  readonly forget: () => void;
}

/** Connections that led to a server for which nobody waited. Somebody may want them soon. */
export class SpareConnections<C> {
  readonly #options: Pick<SearchOptions<C>, 'close' | 'onLost'>;
  readonly #byServer = new Map<string, readonly Spare<C>[]>();

  constructor(options: Pick<SearchOptions<C>, 'close' | 'onLost'>) {
    this.#options = options;
  }

  /** Keeps the connection for a while, or closes it if there are enough. */
  put({ connection, server }: SortedConnection<C>): void {
    const spares = this.#byServer.get(server) ?? [];
    if (spares.length >= MAX_SPARES) return this.#options.close(connection);
    const drop = (): void => {
      this.#remove(server, spare);
      this.#options.close(connection);
    };
    const timer = setTimeout(drop, KEPT_MS).unref();
    const stopListening = this.#options.onLost(connection, drop);
    const spare: Spare<C> = {
      connection,
      forget: () => {
        clearTimeout(timer);
        stopListening();
      },
    };
    this.#byServer.set(server, [...spares, spare]);
  }

  /** The newest connection to the server; it is the caller's from now on. */
  take(server: string): C | undefined {
    const spare = this.#byServer.get(server)?.at(-1);
    if (spare !== undefined) this.#remove(server, spare);
    return spare?.connection;
  }

  end(): void {
    for (const [server, spares] of this.#byServer)
      for (const spare of spares) {
        this.#remove(server, spare);
        this.#options.close(spare.connection);
      }
  }

  #remove(server: string, spare: Spare<C>): void {
    spare.forget();
    const others = (this.#byServer.get(server) ?? []).filter((other) => other !== spare);
    if (others.length === 0) this.#byServer.delete(server);
    else this.#byServer.set(server, others);
  }
}
