import { once } from 'node:events';
import { connect, createServer, type Socket } from 'node:net';
import type { DatabaseNode } from 'nestjs-replica/testing';

export interface Pooler {
  readonly url: string;
  close(): Promise<void>;
}

/** The message in which a server tells the number of its process and a secret: its type, and its length. */
const BACKEND_KEY_DATA = Buffer.from([0x4b, 0, 0, 0, 12]);

/** Passes connections on to a server, but announces a number of its own in place of the server's process, as poolers do. */
export async function startPooler(target: DatabaseNode): Promise<Pooler> {
  const sockets = new Set<Socket>();
  const server = createServer((near) => {
    const far = connect(target.port, target.host);
    for (const socket of [near, far]) {
      sockets.add(socket);
      socket.on('error', () => undefined);
      socket.on('close', () => {
        near.destroy();
        far.destroy();
        sockets.delete(socket);
      });
    }
    near.pipe(far);
    far.on('data', (bytes: Buffer) => {
      const at = bytes.indexOf(BACKEND_KEY_DATA);
      if (at >= 0) bytes.writeUInt32BE(4_242_424, at + BACKEND_KEY_DATA.length);
      near.write(bytes);
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const url = new URL(target.url);
  url.port = String((server.address() as { port: number }).port);
  return {
    url: url.href,
    close: async () => {
      const closed = once(server, 'close');
      server.close();
      for (const socket of sockets) socket.destroy();
      await closed;
    },
  };
}
