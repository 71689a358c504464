import type pg from 'pg';
import { DiscreetClient } from './discreet-client.js';
import { cancelStatement, cutSocket } from './connection.js';
import { identifyServer, type ServerFacts } from './identify-server.js';

/** A connection of a probe, and what has to be known of its server. */
export interface ProbeConnection extends Omit<ServerFacts, 'identity'> {
  readonly client: pg.Client;
  /** `undefined`: it does not tell. */
  identity: ServerFacts['identity'];
}

interface Attempt {
  readonly client: pg.Client;
  readonly ready: Promise<ProbeConnection>;
}

/** So many attempts to connect are under way at most; a further one takes the place of the oldest. */
const MAX_ATTEMPTS = 2;

/**
 * Makes the one connection of a probe. Where connecting takes longer than a probe may, the attempt goes on beside the next
 * one, and the first to succeed is taken: a machine that is merely busy is found well again, and what was lost in a
 * network that swallowed it is not waited for.
 */
export class ProbeConnector {
  readonly #config: pg.ClientConfig;
  #attempts: readonly Attempt[] = [];
  #open: ProbeConnection | undefined;

  constructor(config: pg.ClientConfig) {
    this.#config = config;
  }

  /** There is a connection that was used before. */
  get isOpen(): boolean {
    return this.#open !== undefined;
  }

  /** The connection, made anew when there is none. Rejects when the attempt that begins now fails. */
  async get(): Promise<ProbeConnection> {
    if (this.#open !== undefined) return this.#open;
    const earlier = this.#attempts.slice(-(MAX_ATTEMPTS - 1));
    for (const attempt of this.#attempts) if (!earlier.includes(attempt)) end(attempt.client);
    const attempt = this.#connect();
    this.#attempts = [...earlier, attempt];
    return Promise.race([attempt.ready, ...earlier.map(({ ready }) => unlessItFails(ready))]);
  }

  /** The open connection did not answer, or is not wanted any more: the next call makes another one. */
  drop(): void {
    if (this.#open === undefined) return;
    cancelStatement(this.#open.client);
    end(this.#open.client);
    this.#open = undefined;
  }

  /** Ends everything. */
  close(): void {
    this.drop();
    for (const { client } of this.#attempts) end(client);
    this.#attempts = [];
  }

  #connect(): Attempt {
    const client = new DiscreetClient(this.#config);
    client.on('error', () => {
      end(client);
      if (this.#open?.client === client) this.#open = undefined;
    });
    const attempt: Attempt = { client, ready: this.#openWith(client) };
    attempt.ready.catch(() => {
      end(client);
      this.#attempts = this.#attempts.filter((other) => other !== attempt);
    });
    return attempt;
  }

  async #openWith(client: pg.Client): Promise<ProbeConnection> {
    await client.connect();
    // While a probe is under way its time-out keeps the process alive.
    (client as { unref?: () => void }).unref?.();
    const connection: ProbeConnection = { client, ...(await identifyServer(client)) };
    if (this.#attempts.some((attempt) => attempt.client === client)) this.#take(connection);
    return connection;
  }

  /** The first to be there is the one; the others are not needed. */
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
