import type pg from 'pg';
import type { Connection } from '../execution/database.js';
import { pgModule } from './pg-module.js';

/** A `pg` client as the port's connection. */
export function connectionOf(client: pg.ClientBase): Connection {
  return client as unknown as Connection;
}

/** The `pg` client behind a connection. */
export function clientOf(connection: Connection): pg.PoolClient {
  return connection as unknown as pg.PoolClient;
}

/** Resolves the next time that a connection has answered everything it was given, or when it ends. */
export function nextIdle(client: pg.ClientBase): Promise<void> {
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

/** The part of a socket that {@link cutSocket} uses. */
interface Socket {
  readonly destroyed: boolean;
  readonly readableEnded: boolean;
  destroy(): void;
}

/**
 * Destroys a client's socket, even while it connects. `pg` then rejects every statement that waits on it. Returns whether the socket
 * was still open.
 */
export function cutSocket(client: pg.ClientBase): boolean {
  const { connection } = client as unknown as { connection?: { stream?: Socket } };
  const socket = connection?.stream;
  const isOpen = socket !== undefined && !socket.destroyed && !socket.readableEnded;
  socket?.destroy();
  return isOpen;
}

/** The properties of a `pg` client that a cancel request needs. */
interface CancellableClient {
  readonly host: string;
  readonly port: number;
  readonly processID: number | null;
  readonly secretKey: number | null;
}

/** A `pg` connection that sends a cancel request instead of logging in. */
interface CancelConnection extends NodeJS.EventEmitter {
  readonly stream: { destroy(): void };
  connect(portOrPath: number | string, host?: string): void;
  cancel(processId: number, secretKey: number): void;
}

/** The time that the server has to receive a cancel request; milliseconds. */
const CANCEL_MS = 5_000;

/**
 * Asks the server to cancel what this client runs. Call it before you cut the client's socket: the server would otherwise notice the
 * loss only when it sends rows, and hold its snapshot until then. Does not wait for the outcome.
 * https://www.postgresql.org/docs/current/protocol-flow.html#PROTOCOL-FLOW-CANCELING-REQUESTS
 */
export function cancelStatement(client: pg.Client): void {
  const { host, port, processID, secretKey } = client as unknown as CancellableClient;
  if (processID === null || secretKey === null) return;
  const request = new (pgModule().Connection)({}) as unknown as CancelConnection;
  const timer = setTimeout(() => request.stream.destroy(), CANCEL_MS);
  timer.unref();
  request.on('error', () => request.stream.destroy());
  request.on('end', () => clearTimeout(timer));
  request.on('connect', () => request.cancel(processID, secretKey));
  if (host.startsWith('/')) request.connect(`${host}/.s.PGSQL.${port}`);
  else request.connect(port, host);
}
