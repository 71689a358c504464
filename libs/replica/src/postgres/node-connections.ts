import type pg from 'pg';
import type { ServerIdentity } from '../topology/server-identity.js';
import type { Identified } from './check-connection.js';
import type { LossWatch } from './loss-watch.js';
import type { TellPoolEvent } from './pool-events.js';

/** Server's word on a connection after each statement: idle, in a transaction, in a failed transaction. */
export type TransactionStatus = 'I' | 'T' | 'E';

/** What {@link NodeConnections} work with. */
export interface NodeConnectionsOptions {
  readonly losses: LossWatch;
  /** A connection was made. */
  readonly onConnect: ((client: pg.ClientBase) => void) | undefined;
  /** An idle connection broke. */
  readonly onIdleError: (error: Error) => void;
  /** Something has happened in a pool. */
  readonly tell: TellPoolEvent;
  /** The server has answered a statement. */
  readonly onAnswer: () => void;
}

/** What is known of the connections to one node. */
export class NodeConnections {
  /** Those that are open. */
  readonly open = new Set<pg.ClientBase>();
  /** Those given out for more than one read outside a transaction: streams, transactions, writes. */
  readonly held = new Set<pg.ClientBase>();
  readonly #options: NodeConnectionsOptions;
  readonly #statuses = new WeakMap<pg.ClientBase, { value: TransactionStatus }>();
  readonly #fresh = new WeakSet<pg.ClientBase>();
  /** Which servers they lead to; of those that were asked. */
  readonly #identities = new WeakMap<pg.ClientBase, ServerIdentity | undefined>();

  constructor(options: NodeConnectionsOptions) {
    this.#options = options;
  }

  /** From now on those of this pool, too. One listener for each event: a pool of `pg` emits two with every statement. */
  watch(pool: pg.Pool): void {
    const { onIdleError, tell } = this.#options;
    pool.on('error', (error: Error & { client?: unknown }, client) => {
      // `pg` hangs the connection on it, which holds the password; whoever wants it is given it beside the error.
      delete error.client;
      onIdleError(error);
      tell('error', error, client);
    });
    pool.on('connect', (client) => {
      this.#made(client);
      tell('connect', client);
    });
    pool.on('acquire', (client) => {
      this.held.add(client);
      tell('acquire', client);
    });
    pool.on('release', (error, client) => {
      this.held.delete(client);
      tell('release', error, client);
    });
    pool.on('remove', (client) => {
      this.open.delete(client);
      tell('remove', client);
    });
  }

  /** What the server last said about it. */
  transactionStatus(client: pg.ClientBase): TransactionStatus {
    return this.#statuses.get(client)?.value ?? 'I';
  }

  /** It has not run a statement yet; asked once. */
  takeFresh(client: pg.ClientBase): boolean {
    return this.#fresh.delete(client);
  }

  /** The server at the other end of a new one has been asked who it is. */
  readonly identified: Identified = (client, identity) => void this.#identities.set(client, identity);

  /** Which server one leads to; `undefined`: it was not asked, or does not tell. */
  identityOf(client: pg.ClientBase): ServerIdentity | undefined {
    return this.#identities.get(client);
  }

  /** Those that are known to lead to another server than that of this incarnation, or to another run of it. */
  toOthersThan(incarnation: string | undefined): readonly pg.ClientBase[] {
    return [...this.open].filter(
      (client) => this.#identities.has(client) && this.identityOf(client)?.incarnation !== incarnation,
    );
  }

  #made(client: pg.ClientBase): void {
    const { losses, onConnect, onAnswer } = this.#options;
    losses.watch(client);
    const status = { value: 'I' as TransactionStatus };
    this.#statuses.set(client, status);
    this.open.add(client);
    this.#fresh.add(client);
    onConnect?.(client);
    const { connection } = client as unknown as { connection: NodeJS.EventEmitter };
    connection.on('readyForQuery', (message: { status: TransactionStatus }) => {
      status.value = message.status;
      onAnswer();
    });
  }
}
