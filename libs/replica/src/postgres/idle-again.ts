import type pg from 'pg';

/** Resolves when a connection has answered all that it was given, or is gone. */
export function idleAgain(client: pg.PoolClient): Promise<void> {
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
