import pg from 'pg';
import { WrongServerError } from '../errors/wrong-server.error.js';
import {
  callAtOnce,
  type Connection,
  type ConnectionPool,
  type NodeAccess,
  type Outside,
  type PoolLimits,
  type PoolListener,
  type ServerCheck,
  type Uptime,
} from '../execution/database.js';
import type { ServerIdentity } from '../topology/node-probe.js';
import { cutSocket, connectionOf, idleAgain } from './connection.js';
import { DiscreetClient } from './discreet-client.js';
import { answersAnew, askUptime } from './fresh-connection.js';
import { identifyServer } from './identify-server.js';
import type { PoolEvents } from './pool-events.js';

/** How the connections of a node are made. */
export interface PostgresAccessOptions {
  /** Learns of each new connection, to know what the server says of it. */
  readonly database: {
    watch(client: pg.ClientBase, answered: () => void): void;
  };
  readonly config: pg.PoolConfig;
  /** An idle connection broke. */
  readonly onIdleError: (error: Error) => void;
  /** A connection was made: for whoever listens to what the server sends unasked. */
  readonly onConnect?: (client: pg.ClientBase) => void;
  /** Which servers connections may lead to; `undefined`: any. */
  readonly check?: ServerCheck;
  /** Who hears of its connections, and by which name of the node. */
  readonly events?: { readonly of: PoolEvents; readonly node: string };
  /** Calls a function outside any request; in the caller's, where there are no requests. */
  readonly outside?: Outside;
}

/** By default of `pg-pool`; connections, and milliseconds. */
const DEFAULT_SIZE = 10;
const IDLE_MS = 10_000;
/** How long a server may take to tell who it is, where there is no limit to how long connecting may; milliseconds. */
const CHECK_MS = 5_000;
/** So many statements of the application are waited for, of which each begins when the one before is answered. */
const MAX_TURNS = 20;
/** What PostgreSQL tells its clients when another of its processes has crashed, just before it ends their connections. */
const CRASH_OF_ANOTHER = '57P02';

/** What of a `pg` pool's insides is replaced: it opens a connection; it gets one back. */
interface PoolInside {
  newClient?: (...args: unknown[]) => unknown;
  _release?: (...args: unknown[]) => unknown;
}

/** How one PostgreSQL server is reached, by `pg`. */
export class PostgresAccess implements NodeAccess {
  readonly limits: PoolLimits;
  readonly #options: PostgresAccessOptions;

  constructor(options: PostgresAccessOptions) {
    this.#options = options;
    this.limits = limitsOf(options.config);
  }

  get laneObstacle(): string | undefined {
    return whyNoLanes(this.#options.config);
  }

  get isEachConnectionPrepared(): boolean {
    const { config, events } = this.#options;
    return 'onConnect' in config || events?.of.isConnectHeard === true;
  }

  openPool(listener: PoolListener): PgConnectionPool {
    const pool = createPool(this.#options, listener);
    watch(pool, this.#options, listener);
    return new PgConnectionPool(pool);
  }

  answersAnew(timeoutMs: number, signal: AbortSignal): Promise<boolean> {
    return answersAnew(this.#options.config, { timeoutMs, signal });
  }

  askUptime(): Promise<Uptime> {
    return askUptime(this.#options.config);
  }
}

/** A pool of `pg` behind the port. */
export class PgConnectionPool implements ConnectionPool {
  /** To be asked what it has and how it is set, no more. */
  readonly pool: pg.Pool;
  readonly max: number;

  constructor(pool: pg.Pool) {
    this.pool = pool;
    this.max = pool.options.max;
  }

  get total(): number {
    return this.pool.totalCount;
  }

  get idle(): number {
    return this.pool.idleCount;
  }

  get waiting(): number {
    return this.pool.waitingCount;
  }

  get expired(): number {
    return this.pool.expiredCount;
  }

  take(callback: (error: unknown, connection: Connection | undefined) => void): void {
    this.pool.connect(callback as never);
  }

  lostIdle(error: Error, connection: Connection): void {
    this.pool.emit('error', error, connection);
  }

  end(): Promise<void> {
    return this.pool.end();
  }
}

/** How a pool is limited; the server's `statement_timeout` or the driver's `query_timeout`, whichever ends a statement first. */
export function limitsOf(config: pg.PoolConfig): PoolLimits {
  const { idleTimeoutMillis, maxLifetimeSeconds = 0, statement_timeout, query_timeout } = config;
  const limits = [Number(statement_timeout), Number(query_timeout)].filter((limit) => limit > 0);
  return {
    size: config.max ?? DEFAULT_SIZE,
    idleMs: (idleTimeoutMillis ?? IDLE_MS) || Infinity,
    lifetimeMs: maxLifetimeSeconds > 0 ? maxLifetimeSeconds * 1000 : Infinity,
    statementMs: Math.min(Infinity, ...limits),
    allowExitOnIdle: config.allowExitOnIdle === true,
  };
}

/**
 * A pool of `pg`'s, whose new connections are asked who they lead to where somebody wants to know. It opens connections outside any
 * request, and so it waits for them to idle too long: sockets and timers outlive the request in which they are made, and would keep its
 * context and run in it.
 */
function createPool(
  { config, check, outside = callAtOnce }: PostgresAccessOptions,
  listener: PoolListener,
): pg.Pool {
  const discreet = { Client: DiscreetClient, ...config };
  const identified = (client: pg.ClientBase, identity: ServerIdentity | undefined): void =>
    listener.identified(connectionOf(client), identity);
  const pool = new pg.Pool(check === undefined ? discreet : checked(discreet, check, identified));
  const inside = pool as unknown as PoolInside;
  for (const name of ['newClient', '_release'] as const) {
    const method = inside[name];
    if (method !== undefined) inside[name] = (...args) => outside(() => method.apply(pool, args));
  }
  return pool;
}

/** Tells of what happens in a pool. One listener for each event: a pool of `pg` emits two with every statement. */
function watch(pool: pg.Pool, options: PostgresAccessOptions, listener: PoolListener): void {
  const { onIdleError, events } = options;
  const tell = (event: Parameters<PoolEvents['emit']>[1], first: unknown, second?: unknown): void =>
    events?.of.emit(events.node, event, first, second);
  pool.on('error', (error: Error & { client?: unknown }, client) => {
    // `pg` hangs the connection on it, which holds the password; whoever wants it is given it beside the error.
    delete error.client;
    onIdleError(error);
    tell('error', error, client);
  });
  pool.on('connect', (client) => {
    made(client, options, listener);
    tell('connect', client);
  });
  pool.on('acquire', (client) => {
    listener.taken(connectionOf(client));
    tell('acquire', client);
  });
  pool.on('release', (error, client) => {
    listener.returned(connectionOf(client));
    tell('release', error, client);
  });
  pool.on('remove', (client) => {
    listener.closed(connectionOf(client));
    tell('remove', client);
  });
}

function made(
  client: pg.ClientBase,
  { database, onConnect }: PostgresAccessOptions,
  listener: PoolListener,
): void {
  const connection = connectionOf(client);
  // While it runs a statement its pool does not listen: an error without a listener would end the process.
  client.on('error', () => undefined);
  client.on('notice', ({ code }) => {
    if (code === CRASH_OF_ANOTHER) listener.crashed(connection, CRASH_OF_ANOTHER);
  });
  listener.made(connection);
  onConnect?.(client);
  database.watch(client, () => listener.answered());
}

/** The same pool, in which a new connection is asked who it leads to before it is used. */
function checked(
  config: pg.PoolConfig,
  { isOn, objectionTo }: ServerCheck,
  identified: (client: pg.ClientBase, identity: ServerIdentity | undefined) => void,
): pg.PoolConfig {
  const { verify: own, connectionTimeoutMillis: timeoutMs = CHECK_MS } = config;
  const check = async (client: pg.PoolClient): Promise<void> => {
    if (!isOn()) return;
    const identity = await identifyInTime(client, timeoutMs);
    identified(client, identity);
    const objection = await objectionTo(identity);
    if (objection !== undefined) throw new WrongServerError(objection);
  };
  return {
    ...config,
    verify: (client, done) => {
      check(client).then(() => (own === undefined ? done() : own(client, done)), done);
    },
  };
}

/** Rejects in time also where `pg` tells nothing any more of a connection that is gone. */
async function identifyInTime(client: pg.ClientBase, timeoutMs: number): Promise<ServerIdentity | undefined> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => {
      cutSocket(client);
      reject(new Error('Connection terminated: the server did not tell in time who it is'));
    }, timeoutMs);
  });
  const asking = untilIdle(client).then(() => identifyServer(client));
  try {
    return (await Promise.race([asking, late])).identity;
  } finally {
    clearTimeout(timer);
  }
}

/**
 * Resolves when what the application runs on each new connection (a listener to `connect` sets something) was answered. `pg` runs one
 * statement at a time, and will refuse another one: ours would have to wait in any case.
 */
async function untilIdle(client: pg.ClientBase): Promise<void> {
  // What is given to `pg` while it tells that it has connected is sent when all have been told.
  await Promise.resolve();
  for (let turn = 0; turn < MAX_TURNS && isBusy(client); turn++) {
    await idleAgain(client);
    // Whoever waited for the answer goes on first.
    await new Promise((resolve) => setImmediate(resolve));
  }
}

function isBusy(client: pg.ClientBase): boolean {
  return (client as { readyForQuery?: boolean | null }).readyForQuery === false;
}

/** What of a `pg` client is asked. */
interface MadeClient {
  readonly pipeline?: boolean;
  readonly connectionParameters?: { readonly query_timeout?: number | false };
}

/**
 * Why connections made so cannot be shared, for people; `undefined`: they can. A `pg` without pipelining cannot (before 8.23, and
 * `pg-native`). `query_timeout` would cut the connection under all reads that share it (`statement_timeout` does not). And a pool that
 * counts how often a connection is used would count wrongly. Makes no connection.
 */
function whyNoLanes(config: pg.PoolConfig): string | undefined {
  const { maxUses } = config;
  if (maxUses !== undefined && maxUses !== Infinity) return 'maxUses counts how often a connection is used';
  const Client = (config as { Client?: new (config: object) => MadeClient }).Client ?? pg.Client;
  let client: MadeClient;
  try {
    client = new Client(config);
  } catch {
    return 'pg refuses the options, and tells whoever connects why';
  }
  if (client.pipeline === undefined)
    return 'this pg cannot send statements before answers: 8.23 or later can';
  return client.connectionParameters?.query_timeout
    ? 'query_timeout would cut the connection under all reads that share it: use statement_timeout'
    : undefined;
}
