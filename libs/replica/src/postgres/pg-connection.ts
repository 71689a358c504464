import type pg from 'pg';
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
