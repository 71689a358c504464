import type pg from 'pg';

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

/** A stream tells its reader of the end before the server is ready for the next statement: so long that may take; milliseconds. */
const STREAM_END_MS = 1_000;

/** Whether the stream under way, which was read to its end, is over in time. */
export async function endsInTime(streaming: Promise<void>): Promise<boolean> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<false>((resolve) => (timer = setTimeout(resolve, STREAM_END_MS, false)));
  const isInTime = await Promise.race([streaming, late]);
  clearTimeout(timer);
  return isInTime !== false;
}
