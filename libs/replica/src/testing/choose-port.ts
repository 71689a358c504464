import { randomInt } from 'node:crypto';
import { createServer } from 'node:net';

/** Below the ranges from which Linux (32768) and macOS (49152) take the ports of outgoing connections. */
const [FIRST_PORT, LAST_PORT] = [15_000, 32_000];

/**
 * Chooses a port of 127.0.0.1 on which nothing listens, at random from a range that no outgoing connection uses. So a stopped
 * node finds its port free when it comes back.
 */
export async function choosePort(): Promise<number> {
  for (let tries = 0; tries < 100; tries++) {
    const port = randomInt(FIRST_PORT, LAST_PORT);
    if (await isFree(port)) return port;
  }
  throw new Error(`No free port from ${FIRST_PORT} to ${LAST_PORT} on 127.0.0.1`);
}

async function isFree(port: number): Promise<boolean> {
  return await new Promise((resolve) => {
    const server = createServer();
    server.once('error', () => resolve(false));
    server.listen({ port, host: '127.0.0.1', exclusive: true }, () => server.close(() => resolve(true)));
  });
}
