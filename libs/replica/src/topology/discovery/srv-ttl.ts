import { createSocket } from 'node:dgram';
import { randomInt } from 'node:crypto';
import { isIPv6 } from 'node:net';
import { inTime } from '../in-time.js';

const SRV = 33;
const IN = 1;
const HEADER_BYTES = 12;

/**
 * Asks for the time to live of a name's SRV records, which Node's resolver keeps to itself. It sends one question over UDP to a
 * server of `Resolver.getServers()`. Resolves to milliseconds, or to `undefined` if no answer can be read within
 * `timeoutMs`. Never rejects.
 */
export async function askSrvTtl(
  server: string,
  hostname: string,
  timeoutMs: number,
): Promise<number | undefined> {
  const id = randomInt(65_536);
  const { address, port } = parseServer(server);
  const socket = createSocket(isIPv6(address) ? 'udp6' : 'udp4').unref();
  const answer = new Promise<number | undefined>((resolve) => {
    socket.on('error', () => resolve(undefined));
    socket.on('message', (message) => {
      if (message.length >= HEADER_BYTES && message.readUInt16BE(0) === id) resolve(readTtl(message));
    });
    // A connected socket receives from nobody else.
    socket.connect(port, address, () => socket.send(question(id, hostname)));
  });
  try {
    return await inTime(answer, timeoutMs, () => undefined);
  } finally {
    socket.close();
  }
}

/** `10.0.0.2`, `10.0.0.2:5353`, `fd00::2`, `[fd00::2]:5353`. */
function parseServer(server: string): { readonly address: string; readonly port: number } {
  const [, inBrackets, plain, port] = /^(?:\[([^\]]+)\]|([^:]+))(?::(\d+))?$/.exec(server) ?? [];
  return { address: inBrackets ?? plain ?? server, port: Number(port ?? 53) };
}

/** Encodes a question (RFC 1035, section 4): a header, then the name as labels, each after its length. */
function question(id: number, hostname: string): Buffer {
  const header = Buffer.alloc(HEADER_BYTES);
  header.writeUInt16BE(id, 0);
  header.writeUInt8(1, 2); // recursion desired
  header.writeUInt16BE(1, 4); // one question
  const labels = hostname
    .replace(/\.$/, '')
    .split('.')
    .map((label) => Buffer.concat([Buffer.from([label.length]), Buffer.from(label, 'latin1')]));
  return Buffer.concat([header, ...labels, Buffer.from([0, 0, SRV, 0, IN])]);
}

/** The shortest TTL in the answer. A truncated answer will do, because all records of a name have the same TTL. */
function readTtl(message: Buffer): number | undefined {
  let least: number | undefined;
  try {
    let offset = HEADER_BYTES;
    for (let questions = message.readUInt16BE(4); questions > 0; questions--) {
      offset = afterName(message, offset) + 4;
    }
    for (let answers = message.readUInt16BE(6); answers > 0; answers--) {
      offset = afterName(message, offset);
      least = Math.min(least ?? Infinity, message.readUInt32BE(offset + 4) * 1_000);
      offset += 10 + message.readUInt16BE(offset + 8);
    }
  } catch {
    // The answer ends inside a record.
  }
  return least;
}

/** Skips a name. It ends with an empty label, or with a pointer of two bytes to the rest of the name. */
function afterName(message: Buffer, start: number): number {
  let offset = start;
  for (;;) {
    const length = message.readUInt8(offset);
    if (length >= 0xc0) return offset + 2;
    if (length === 0) return offset + 1;
    offset += 1 + length;
  }
}
