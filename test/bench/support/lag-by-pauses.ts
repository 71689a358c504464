import { setTimeout as sleep } from 'node:timers/promises';
import type { DatabaseNode } from 'nestjs-replica/testing';
import { createConnection } from 'mysql2/promise';

/** How long a replica replays between two pauses; milliseconds. */
const REPLAY_MS = 5;

/**
 * Makes replicas of MariaDB lag by up to `pauseMs`: MariaDB itself delays by whole seconds only. Their replay stops and goes on, again
 * and again, each replica for itself. Returns what ends that; then everything is replayed.
 */
export async function lagByPauses(
  replicas: readonly DatabaseNode[],
  pauseMs: number,
): Promise<() => Promise<void>> {
  const ending = new AbortController();
  const loops = replicas.map(async ({ url }) => {
    const connection = await createConnection(url);
    while (!ending.signal.aborted) {
      await connection.query('STOP SLAVE SQL_THREAD');
      await sleep(pauseMs);
      await connection.query('START SLAVE SQL_THREAD');
      await sleep(REPLAY_MS);
    }
    await connection.end();
  });
  return async () => {
    ending.abort();
    await Promise.all(loops);
  };
}
