import type pg from 'pg';
import type { NodeAccess, PoolLimits, PoolListener, Uptime } from '../execution/database.js';
import type { ServerSearch } from '../execution/endpoints/server-search.js';
import { inTime } from '../topology/in-time.js';
import { openPool, type ConnectionPoolOptions, type PgConnectionPool } from './connection-pool.js';
import { askUptimeOn } from './fresh-connection.js';
import { PostgresAccess } from './node-access.js';
import type { ProbeConnection } from './probe-connection.js';
import { serverClients } from './server-clients.js';

/** One server behind an endpoint, and the search for connections to it. */
interface SearchedServer {
  readonly search: ServerSearch<ProbeConnection>;
  readonly server: string;
}

/** A search ends a little before the pool's own limit, so that its reason is told. */
const SHARE_OF_TIMEOUT = 0.9;
/** How long a server may take to tell its uptime; milliseconds. */
const UPTIME_MS = 4_000;
const UPTIME_SEARCH = { timeoutMs: UPTIME_MS, isImpatient: true };

/** How to reach one PostgreSQL server behind an endpoint. */
export class ServerAccess implements NodeAccess {
  readonly limits: PoolLimits;
  readonly #direct: PostgresAccess;
  readonly #options: ConnectionPoolOptions;
  readonly #searched: SearchedServer;

  constructor(options: ConnectionPoolOptions, searched: SearchedServer) {
    this.#direct = new PostgresAccess(options);
    this.limits = this.#direct.limits;
    this.#options = options;
    this.#searched = searched;
  }

  get laneObstacle(): string | undefined {
    return this.#direct.laneObstacle;
  }

  get isEachConnectionPrepared(): boolean {
    return this.#direct.isEachConnectionPrepared;
  }

  openPool(listener: PoolListener): PgConnectionPool {
    // `poolConfig` always sets a limit.
    const timeoutMs = SHARE_OF_TIMEOUT * (this.#options.config.connectionTimeoutMillis ?? 0);
    return openPool({ ...this.#options, clients: serverClients({ ...this.#searched, timeoutMs }) }, listener);
  }

  async answersAnew(timeoutMs: number, signal: AbortSignal): Promise<boolean> {
    const { search, server } = this.#searched;
    const link = search.want(server, { timeoutMs });
    const end = (): void => link.end();
    signal.addEventListener('abort', end);
    try {
      search.keep({ connection: await link.ready, server });
      return true;
    } catch {
      return false;
    } finally {
      signal.removeEventListener('abort', end);
    }
  }

  /** Only this run of the server can tell. Another one does not know what became of it, so the answer then is `unknown`. */
  askUptime(): Promise<Uptime> {
    return inTime(
      askUptimeOn(() => this.#openNew()),
      UPTIME_MS,
      () => 'unknown' as const,
    );
  }

  async #openNew(): Promise<pg.Client> {
    const { search, server } = this.#searched;
    try {
      return (await search.want(server, UPTIME_SEARCH).ready).client;
    } catch {
      throw new Error('no new connection led to the server');
    }
  }
}
