/** A session store that application processes share: the library's own in-memory store, behind HTTP. */
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { MemorySessionStore } from 'nestjs-replica';
import { fromWire, toWire } from './session-wire.js';

const store = new MemorySessionStore();
const server = createServer((request, response) => {
  const parts: Buffer[] = [];
  request.on('data', (part: Buffer) => parts.push(part));
  request.on('end', () => {
    const { key, state, ttlMs } = JSON.parse(Buffer.concat(parts).toString()) as {
      key: string;
      state?: string;
      ttlMs: number;
    };
    void answer(key, state, ttlMs).then((text) => response.end(text));
  });
});

async function answer(key: string, state: string | undefined, ttlMs: number): Promise<string> {
  if (state === undefined) return toWire(await store.load(key));
  store.save(key, fromWire(state), ttlMs);
  return '';
}

server.listen(0, '127.0.0.1', () => process.send?.({ port: (server.address() as AddressInfo).port }));
process.once('disconnect', () => process.exit(0));
