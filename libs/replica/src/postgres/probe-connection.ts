import type pg from 'pg';
import { discreetClient } from './discreet-client.js';
import { cancelStatement, cutSocket } from './connection.js';
import { identifyServer, type ServerFacts } from './identify-server.js';

/** A probe's connection, with the facts about its server. */
export interface ProbeConnection extends Omit<ServerFacts, 'identity'> {
  readonly client: pg.Client;
  /** `undefined`: the server refuses to say. */
  identity: ServerFacts['identity'];
}

interface ConnectAttempt {
  readonly client: pg.Client;
  readonly ready: Promise<ProbeConnection>;
}

/** At most this many attempts to connect run at once. A further attempt replaces the oldest. */
const MAX_ATTEMPTS = 2;

/**
 * Makes a probe's one connection. If an attempt outlasts the probe, it continues beside the next attempt, and the first to succeed
 * wins. A slow machine can thus still connect, and an attempt whose packets the network dropped delays nobody.
 */
export class ProbeConnector {
  readonly #config: pg.ClientConfig;
  #attempts: readonly ConnectAttempt[] = [];
  #open: ProbeConnection | undefined;

  constructor(config: pg.ClientConfig) {
    this.#config = config;
  }

  /** Whether a connection is already open. */
  get isOpen(): boolean {
    return this.#open !== undefined;
  }

  /** Returns the open connection or makes one. Rejects if the attempt that begins now fails. */
  async get(): Promise<ProbeConnection> {
    if (this.#open !== undefined) return this.#open;
    const earlier = this.#attempts.slice(-(MAX_ATTEMPTS - 1));
    for (const attempt of this.#attempts) if (!earlier.includes(attempt)) end(attempt.client);
    const attempt = this.#connect();
    this.#attempts = [...earlier, attempt];
    return Promise.race([attempt.ready, ...earlier.map(({ ready }) => unlessItFails(ready))]);
  }

  /** Closes a connection that did not answer or is no longer wanted. The next `get()` makes a new one. */
  drop(): void {
    if (this.#open === undefined) return;
    cancelStatement(this.#open.client);
    end(this.#open.client);
    this.#open = undefined;
  }

  /** Closes the connection and ends all attempts. */
  close(): void {
    this.drop();
    for (const { client } of this.#attempts) end(client);
    this.#attempts = [];
  }

  #connect(): ConnectAttempt {
    const client = new (discreetClient())(this.#config);
    client.on('error', () => {
      end(client);
      if (this.#open?.client === client) this.#open = undefined;
    });
    const attempt: ConnectAttempt = { client, ready: this.#openWith(client) };
    attempt.ready.catch(() => {
      end(client);
      this.#attempts = this.#attempts.filter((other) => other !== attempt);
    });
    return attempt;
  }

  async #openWith(client: pg.Client): Promise<ProbeConnection> {
    await client.connect();
    // Only a running probe keeps the process alive, through its time-out.
    (client as { unref?: () => void }).unref?.();
    const connection: ProbeConnection = { client, ...(await identifyServer(client)) };
    if (this.#attempts.some((attempt) => attempt.client === client)) this.#take(connection);
    return connection;
  }

  /** Takes the first attempt that succeeds and ends the others. */
  #take(connection: ProbeConnection): void {
    this.#open = connection;
    const others = this.#attempts.filter(({ client }) => client !== connection.client);
    this.#attempts = [];
    for (const { client } of others) end(client);
  }
}

function end(client: pg.Client): void {
  client.on('error', () => undefined);
  cutSocket(client);
  client.end().catch(() => undefined);
}

function unlessItFails<T>(promise: Promise<T>): Promise<T> {
  return promise.catch(() => new Promise<never>(() => undefined));
}
