import type pg from 'pg';

/** Destroys the socket under a client; `pg` then rejects what waits on it. Works while connecting, too. */
export function cutSocket(client: pg.ClientBase): void {
  const { connection } = client as unknown as { connection?: { stream?: { destroy(): void } } };
  connection?.stream?.destroy();
}
