import pg from 'pg';
import type { Connection } from '../execution/database.js';

/** A connection of `pg`, as the port knows it. */
export function connectionOf(client: pg.ClientBase): Connection {
  return client as unknown as Connection;
}

/** The client of `pg` behind a connection. */
export function clientOf(connection: Connection): pg.PoolClient {
  return connection as unknown as pg.PoolClient;
}

/** Resolves when a connection has answered all that it was given, or is gone. */
export function idleAgain(client: pg.ClientBase): Promise<void> {
  return new Promise((resolve) => {
    const done = (): void => {
      client.removeListener('drain', done);
      client.removeListener('end', done);
      resolve();
    };
    client.on('drain', done);
    client.on('end', done);
  });
}

/**
 * Destroys the socket under a client; `pg` then rejects what waits on it. Works while connecting, too. Says whether the socket was still
 * open.
 */
export function cutSocket(client: pg.ClientBase): boolean {
  const { connection } = client as unknown as { connection?: { stream?: Socket } };
  const socket = connection?.stream;
  const isOpen = socket !== undefined && !socket.destroyed && !socket.readableEnded;
  socket?.destroy();
  return isOpen;
}

/** What of a socket is needed. */
interface Socket {
  readonly destroyed: boolean;
  readonly readableEnded: boolean;
  destroy(): void;
}

/** What of a `pg` client's connection is needed to have its statement cancelled. */
interface Cancellable {
  readonly host: string;
  readonly port: number;
  readonly processID: number | null;
  readonly secretKey: number | null;
}

/** A connection of `pg` that has not introduced itself. */
interface Messenger extends NodeJS.EventEmitter {
  readonly stream: { destroy(): void };
  connect(portOrPath: number | string, host?: string): void;
  cancel(processId: number, secretKey: number): void;
}

/** So long a server may take to receive the message; milliseconds. */
const CANCEL_MS = 5_000;

/**
 * Asks the server to end what it runs for this client, whose socket is about to be cut: it would notice that only when it
 * has rows to send, and keep its snapshot until then. Nobody waits for the outcome.
 * https://www.postgresql.org/docs/current/protocol-flow.html#PROTOCOL-FLOW-CANCELING-REQUESTS
 */
export function cancelStatement(client: pg.Client): void {
  const { host, port, processID, secretKey } = client as unknown as Cancellable;
  if (processID === null || secretKey === null) return;
  const messenger = new pg.Connection({}) as unknown as Messenger;
  const timer = setTimeout(() => messenger.stream.destroy(), CANCEL_MS);
  timer.unref();
  messenger.on('error', () => messenger.stream.destroy());
  messenger.on('end', () => clearTimeout(timer));
  messenger.on('connect', () => messenger.cancel(processID, secretKey));
  if (host.startsWith('/')) messenger.connect(`${host}/.s.PGSQL.${port}`);
  else messenger.connect(port, host);
}
