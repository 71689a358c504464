import { EventEmitter } from 'node:events';
import type pg from 'pg';
import type { ConnectionLink } from '../execution/endpoints/search-options.js';
import type { ServerSearch } from '../execution/endpoints/server-search.js';
import type { ServerIdentity } from '../topology/node-probe.js';
import type { ProbeConnection } from './probe-connection.js';

/** What a pool learns in place of a connection: one was found, and the pool's next client is that one. Nobody else sees it. */
export class ConnectionFound extends Error {
  override readonly name = 'ConnectionFound';
}

/** Gives a `pg` pool connections to one server behind an endpoint. */
export interface ServerClients {
  /** For the pool's option `Client`. */
  readonly Client: new () => pg.Client;
  identityOf(client: pg.ClientBase): ServerIdentity | undefined;
}

interface ServerClientsOptions {
  readonly search: ServerSearch<ProbeConnection>;
  /** The key of the server. */
  readonly server: string;
  /** How long a connection may be searched for; milliseconds. */
  readonly timeoutMs: number;
}

/**
 * A pool makes a client first and connects it then, but where a connection leads is known only afterwards. So a pool is given a client
 * that is connected already, or one that only searches: it ends in {@link ConnectionFound}, and the connection is there for the
 * pool's next try.
 */
export function serverClients(options: ServerClientsOptions): ServerClients {
  const { search, server } = options;
  const identities = new WeakMap<pg.ClientBase, ServerIdentity | undefined>();
  return {
    // A constructor that returns an object: the pool calls it with `new`.
    Client: function next() {
      const spare = search.takeSpare(server);
      if (spare === undefined) return new SearchingClient(options) as unknown as pg.Client;
      const { client, identity } = spare;
      identities.set(client, identity);
      (client as { ref?: () => void }).ref?.();
      client.connect = connectedAlready(client);
      return client;
    } as unknown as new () => pg.Client,
    identityOf: (client) => identities.get(client),
  };
}

function connectedAlready(client: pg.Client): pg.Client['connect'] {
  return ((callback: (error: undefined) => void): void => {
    Reflect.deleteProperty(client, 'connect');
    process.nextTick(callback, undefined);
  }) as unknown as pg.Client['connect'];
}

/** Has what a `pg` pool uses of a client until it is connected. */
class SearchingClient extends EventEmitter {
  /** The pool breaks it when its time is over. */
  readonly connection = { stream: { destroy: (): void => this.end() } };
  readonly #options: ServerClientsOptions;
  #link: ConnectionLink<ProbeConnection> | undefined;

  constructor(options: ServerClientsOptions) {
    super();
    this.#options = options;
  }

  connect(callback: (error: unknown) => void): void {
    const { search, server, timeoutMs } = this.#options;
    this.#link = search.want(server, { timeoutMs });
    this.#link.ready.then((connection) => {
      search.keep({ connection, server });
      callback(new ConnectionFound());
    }, callback);
  }

  isConnected(): boolean {
    return false;
  }

  end(callback?: () => void): void {
    this.#link?.end();
    callback?.();
  }
}
