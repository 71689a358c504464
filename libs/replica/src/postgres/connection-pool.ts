import type { EventEmitter } from 'node:events';
import type pg from 'pg';
import { WrongServerError } from '../errors/wrong-server.error.js';
import {
  callAtOnce,
  type Connection,
  type ConnectionPool,
  type Outside,
  type PoolListener,
  type ServerCheck,
} from '../execution/database.js';
import { inTime } from '../topology/in-time.js';
import type { ServerIdentity } from '../topology/node-probe.js';
import { connectionOf, cutSocket, nextIdle } from './connection.js';
import { discreetClient } from './discreet-client.js';
import { identifyServer } from './identify-server.js';
import { pgModule } from './pg-module.js';
import { ConnectionFound, type ServerClients } from './server-clients.js';

export interface ConnectionPoolOptions {
  /** Watches each new connection for the transaction status that the server reports. */
  readonly database: {
    watch(client: pg.ClientBase, answered: () => void): void;
  };
  readonly config: pg.PoolConfig;
  readonly onIdleError: (error: Error) => void;
  /** Called with each new connection, so that the caller can listen to what the server sends unasked. */
  readonly onConnect?: (client: pg.ClientBase) => void;
  readonly check?: ServerCheck;
  /** Passes on what happens in the pool, under the node's name. */
  readonly events?: { readonly of: PoolEvents; readonly node: string };
  /** Finds connections to one server behind an endpoint. Absent: each new connection leads to the node. */
  readonly clients?: ServerClients;
  /** Calls a function outside any request. By default it calls it in place, for callers that have no requests. */
  readonly outside?: Outside;
}

/** The time in which a new connection must identify its server if `connectionTimeoutMillis` is not set; milliseconds. */
const CHECK_MS = 5_000;
/** The identity check waits for at most this many statements that the application runs one after another on a new connection. */
const MAX_TURNS = 20;
/** The SQLSTATE of the notice that PostgreSQL sends when another of its processes has crashed, just before it ends the connection. */
const CRASH_OF_ANOTHER = '57P02';

/** The private methods of `pg-pool` that {@link createPool} wraps: they open a connection and take one back. */
interface PoolInside {
  newClient?: (...args: unknown[]) => unknown;
  _release?: (...args: unknown[]) => unknown;
}

export class PgConnectionPool implements ConnectionPool {
  /** Use it only to read counts and settings. */
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

/** A pool whose new connections have to be found behind an endpoint. */
class SearchingPool extends PgConnectionPool {
  readonly growsSlowly = true;

  override take(callback: (error: unknown, connection: Connection | undefined) => void): void {
    this.pool.connect(((error: unknown, connection: Connection | undefined) => {
      // The connection that was found is in reach now, for this caller or for one who has waited longer.
      if (error instanceof ConnectionFound) this.take(callback);
      else callback(error, connection);
    }) as never);
  }
}

/** Opens a node's pool. It makes no connection yet. */
export function openPool(options: ConnectionPoolOptions, listener: PoolListener): PgConnectionPool {
  const pool = createPool(options, listener);
  watch(pool, options, listener);
  return options.clients === undefined ? new PgConnectionPool(pool) : new SearchingPool(pool);
}

/**
 * Creates a `pg` pool that checks the server behind each new connection if a check is given.
 *
 * Sockets and timers outlive the request that creates them. They would keep its context alive and run in it. The pool therefore opens
 * connections and starts their idle timers outside any request.
 */
function createPool(
  { config, check, clients, outside = callAtOnce }: ConnectionPoolOptions,
  listener: PoolListener,
): pg.Pool {
  const discreet = { Client: discreetClient(), ...config, ...(clients && { Client: clients.Client }) };
  const identified = (client: pg.ClientBase, identity: ServerIdentity | undefined): void =>
    listener.identified(connectionOf(client), identity);
  const pool = new (pgModule().Pool)(
    check === undefined
      ? discreet
      : withCheck(discreet, check, { identified, known: (client) => clients?.identityOf(client) }),
  );
  const inside = pool as unknown as PoolInside;
  for (const name of ['newClient', '_release'] as const) {
    const method = inside[name];
    if (method !== undefined) inside[name] = (...args) => outside(() => method.apply(pool, args));
  }
  return pool;
}

/** Reports what happens in a pool. It adds one listener per event, because a `pg` pool emits two events for every statement. */
function watch(pool: pg.Pool, options: ConnectionPoolOptions, listener: PoolListener): void {
  const { onIdleError, events } = options;
  const emit = (event: PoolEvent, first: unknown, second?: unknown): void =>
    events?.of.emit(events.node, event, first, second);
  pool.on('error', (error: Error & { client?: unknown }, client) => {
    // `pg` attaches the connection, which holds the password. Listeners get the connection as a separate argument.
    delete error.client;
    onIdleError(error);
    emit('error', error, client);
  });
  pool.on('connect', (client) => {
    prepareConnection(client, options, listener);
    emit('connect', client);
  });
  pool.on('acquire', (client) => {
    listener.taken(connectionOf(client));
    emit('acquire', client);
  });
  pool.on('release', (error, client) => {
    listener.returned(connectionOf(client));
    emit('release', error, client);
  });
  pool.on('remove', (client) => {
    listener.closed(connectionOf(client));
    emit('remove', client);
  });
}

function prepareConnection(
  client: pg.ClientBase,
  { database, onConnect }: ConnectionPoolOptions,
  listener: PoolListener,
): void {
  const connection = connectionOf(client);
  // The pool does not listen while a statement runs, and an error without a listener would end the process.
  client.on('error', () => undefined);
  client.on('notice', ({ code }) => {
    if (code === CRASH_OF_ANOTHER) listener.crashed(connection, CRASH_OF_ANOTHER);
  });
  listener.made(connection);
  onConnect?.(client);
  database.watch(client, () => listener.answered());
}

/** Adds a check to a pool's config: before its first use, each connection asks its server for its identity. */
function withCheck(
  config: pg.PoolConfig,
  { isOn, objectionTo }: ServerCheck,
  {
    identified,
    known,
  }: {
    readonly identified: (client: pg.ClientBase, identity: ServerIdentity | undefined) => void;
    /** What the server has told already. */
    readonly known: (client: pg.ClientBase) => ServerIdentity | undefined;
  },
): pg.PoolConfig {
  const { verify: own, connectionTimeoutMillis: timeoutMs = CHECK_MS } = config;
  const check = async (client: pg.PoolClient): Promise<void> => {
    if (!isOn()) return;
    const identity = known(client) ?? (await identifyInTime(client, timeoutMs));
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

/** Rejects after `timeoutMs` milliseconds, even if the connection is lost and `pg` reports nothing. */
async function identifyInTime(client: pg.ClientBase, timeoutMs: number): Promise<ServerIdentity | undefined> {
  const asking = untilIdle(client).then(() => identifyServer(client));
  const { identity } = await inTime(asking, timeoutMs, () => {
    cutSocket(client);
    throw new Error('Connection terminated: the server did not tell in time who it is');
  });
  return identity;
}

/**
 * Waits for the statements that the application runs on each new connection, such as a SET in a `connect` listener. `pg` runs one
 * statement at a time and will reject a second one in later versions, so our question would have to wait anyway.
 */
async function untilIdle(client: pg.ClientBase): Promise<void> {
  // `pg` sends statements queued by `connect` listeners only after it has called all of them.
  await Promise.resolve();
  for (let turn = 0; turn < MAX_TURNS && isBusy(client); turn++) {
    await nextIdle(client);
    // Lets the application react to the answer and send its next statement first.
    await new Promise((resolve) => setImmediate(resolve));
  }
}

function isBusy(client: pg.ClientBase): boolean {
  return (client as { readyForQuery?: boolean | null }).readyForQuery === false;
}

/** The events of a `pg` pool. */
type PoolEvent = 'connect' | 'acquire' | 'release' | 'remove' | 'error';

/** An emitter that receives the pool events of the nodes for which `hears` returns true. */
interface PoolEventListener {
  /** A pool. Once it has `ended`, it hears nothing more, even if its data source is initialized again. */
  readonly emitter: EventEmitter & { readonly ended: boolean };
  readonly hears: (node: string) => boolean;
}

/** Forwards events from the pools of all nodes to the pools that TypeORM holds. Includes lanes and nodes added later. */
export class PoolEvents {
  #listeners: readonly PoolEventListener[] = [];

  add(listener: PoolEventListener): void {
    this.#listeners = [...this.#listeners.filter(({ emitter }) => !emitter.ended), listener];
  }

  /** Whether the application does something to each new connection. */
  get isConnectHeard(): boolean {
    return this.#listeners.some(({ emitter }) => emitter.listenerCount('connect') > 0);
  }

  /** Emits an event of a node's pool. Hot path: every statement emits some of them. */
  emit(node: string, event: PoolEvent, first: unknown, second?: unknown): void {
    for (const { emitter, hears } of this.#listeners) {
      if (emitter.listenerCount(event) === 0 || !hears(node)) continue;
      if (second === undefined) emitter.emit(event, first);
      else emitter.emit(event, first, second);
    }
  }
}
