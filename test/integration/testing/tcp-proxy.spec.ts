import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { startTcpProxy, type TcpProxy } from 'nestjs-replica/testing';
import { once } from 'node:events';
import { connect, createServer, type AddressInfo, type Server, type Socket } from 'node:net';
import { until } from '../../support/until.js';

/** Answers each line with a word and the line, and knows who is connected. */
class EchoServer {
  readonly #server: Server;
  readonly sockets = new Set<Socket>();

  constructor(word = 'echo') {
    this.#server = createServer((socket) => {
      this.sockets.add(socket);
      socket.on('error', () => undefined);
      socket.on('close', () => this.sockets.delete(socket));
      socket.on('data', (bytes) => socket.write(`${word} ${String(bytes)}`));
    });
  }

  async start(): Promise<void> {
    this.#server.listen(0, '127.0.0.1');
    await once(this.#server, 'listening');
  }

  get target(): { host: string; port: number } {
    return { host: '127.0.0.1', port: (this.#server.address() as AddressInfo).port };
  }

  async stop(): Promise<void> {
    const closed = once(this.#server, 'close');
    this.#server.close();
    for (const socket of this.sockets) socket.destroy();
    await closed;
  }
}

/** A client, and all that it has learned. */
class Client {
  readonly socket: Socket;
  received = '';
  /** The code of its error, `end` when the other side closed properly, else undefined. */
  fate: string | undefined;

  constructor({ port }: { port: number }) {
    this.socket = connect(port, '127.0.0.1');
    this.socket.on('data', (bytes) => (this.received += String(bytes)));
    this.socket.on('error', (error: NodeJS.ErrnoException) => (this.fate ??= error.code));
    this.socket.on('end', () => (this.fate ??= 'end'));
  }

  async say(text: string): Promise<void> {
    this.socket.write(text);
    await until(() => this.received.endsWith(text), `an answer to ${text}`);
  }
}

describe('startTcpProxy', () => {
  const server = new EchoServer();
  const clients: Client[] = [];
  let proxy: TcpProxy;

  beforeAll(() => server.start());
  beforeEach(async () => {
    proxy = await startTcpProxy(server.target);
  });
  afterEach(async () => {
    for (const { socket } of clients.splice(0)) socket.destroy();
    await proxy.close();
    await until(() => server.sockets.size === 0, 'the end of all connections');
  });
  afterAll(() => server.stop());

  /** A client that has had an answer. */
  async function connected(): Promise<Client> {
    const client = new Client(proxy);
    clients.push(client);
    await client.say('hello');
    return client;
  }

  it('lets through what both sides say, and counts its connections', async () => {
    const [one] = [await connected(), await connected()];
    expect([one?.received, proxy.connections, server.sockets.size]).toEqual(['echo hello', 2, 2]);
    one?.socket.end();
    await until(() => one?.fate === 'end' && server.sockets.size === 1, 'the end of one connection');
    expect(proxy.connections).toBe(1);
  });

  it('carries more than fits into any buffer, whole and in order', async () => {
    const numbers = Array.from({ length: 400_000 }, (_, index) => `${index},`).join('');
    const sink = createServer((socket) => {
      // The proxy may reset it at its end, before all has been said.
      socket.on('error', () => undefined);
      socket.end(numbers);
    });
    sink.listen(0, '127.0.0.1');
    await once(sink, 'listening');
    proxy.redirect({ host: '127.0.0.1', port: (sink.address() as AddressInfo).port });
    const client = new Client(proxy);
    await until(() => client.fate === 'end', 'the end of the transfer');
    expect(client.received === numbers).toBe(true);
    sink.close();
  });

  it('has the URL of its target, with its own address', async () => {
    const url = 'postgres://user:secret@db.example:5432/shop?sslmode=disable';
    const other = await startTcpProxy({ ...server.target, url });
    expect([other.url, proxy.url]).toEqual([
      `postgres://user:secret@127.0.0.1:${other.port}/shop?sslmode=disable`,
      `tcp://127.0.0.1:${proxy.port}`,
    ]);
    await other.close();
  });

  it('loses every byte in a black hole, tells nobody, and resets at its end whoever lost something', async () => {
    const [talking, silent] = [await connected(), await connected()];
    proxy.blackHole();
    talking.socket.write('lost');
    const late = new Client(proxy);
    clients.push(late);
    await once(late.socket, 'connect');
    late.socket.write('lost, too');
    await until(() => talking.socket.writableLength === 0 && proxy.connections === 3);
    // What comes after it on another way has arrived: so would have this.
    const witness = await startTcpProxy(server.target);
    const other = new Client(witness);
    await other.say('seen');
    other.socket.destroy();
    await witness.close();
    expect([talking, silent, late].map(({ received, fate }) => `${received} ${fate}`)).toEqual([
      'echo hello undefined',
      'echo hello undefined',
      ' undefined',
    ]);
    await proxy.restore();
    await until(() => talking.fate !== undefined && late.fate !== undefined, 'the news');
    expect([talking.fate, late.fate, silent.fate]).toEqual(['ECONNRESET', 'ECONNRESET', undefined]);
    await silent.say('still there');
    expect((await connected()).received).toBe('echo hello');
  });

  it('does not tell the target in a black hole that the client has gone', async () => {
    const client = await connected();
    proxy.blackHole();
    client.socket.destroy();
    await until(() => proxy.connections === 0, 'the proxy noticing');
    expect(server.sockets.size).toBe(1);
    await proxy.restore();
    await until(() => server.sockets.size === 0, 'the target noticing');
  });

  it('resets all open connections on both sides, and serves new ones', async () => {
    const open = [await connected(), await connected()];
    proxy.reset();
    await until(() => open.every(({ fate }) => fate !== undefined) && server.sockets.size === 0);
    expect(open.map(({ fate }) => fate)).toEqual(['ECONNRESET', 'ECONNRESET']);
    expect(proxy.connections).toBe(0);
    expect((await connected()).received).toBe('echo hello');
  });

  it('refuses new connections and leaves the open ones alone', async () => {
    const open = await connected();
    proxy.refuse();
    const refused = new Client(proxy);
    await until(() => refused.fate !== undefined, 'the refusal');
    expect(refused.fate).toBe('ECONNREFUSED');
    await open.say('still here');
    await proxy.restore();
    expect((await connected()).received).toBe('echo hello');
  });

  it('makes each direction slower, keeps the order, and is as fast as before when restored', async () => {
    const client = await connected();
    proxy.delay(60);
    const startedMs = performance.now();
    client.socket.write('first ');
    await until(() => client.received === 'echo helloecho first ');
    expect(performance.now() - startedMs).toBeGreaterThanOrEqual(119);
    client.socket.write('slow ');
    await new Promise(setImmediate);
    proxy.delay(0);
    client.socket.write('fast');
    await until(() => client.received.endsWith('fast'));
    expect(client.received.indexOf('slow')).toBeLessThan(client.received.indexOf('fast'));
    expect(() => proxy.delay(-1)).toThrow(RangeError);
  });

  it('sends new connections to another target', async () => {
    const other = new EchoServer('other');
    await other.start();
    const before = await connected();
    proxy.redirect(other.target);
    expect((await connected()).received).toBe('other hello');
    await before.say('first target');
    await proxy.close();
    await other.stop();
  });

  it('spreads connections over several targets in turn', async () => {
    const other = new EchoServer('other');
    await other.start();
    proxy.redirect([other.target, server.target]);
    const words: string[] = [];
    for (let count = 0; count < 4; count++) words.push((await connected()).received);
    expect(new Set(words.slice(0, 2))).toEqual(new Set(['echo hello', 'other hello']));
    expect(words.slice(2)).toEqual(words.slice(0, 2));
    expect(() => proxy.redirect([])).toThrow(RangeError);
    await proxy.close();
    await other.stop();
  });

  it('resets the client when its target is not there', async () => {
    const gone = new EchoServer();
    await gone.start();
    const { target } = gone;
    await gone.stop();
    proxy.redirect(target);
    const client = new Client(proxy);
    await until(() => client.fate !== undefined, 'the end');
    expect(client.fate).toBe('ECONNRESET');
  });

  it('ends with all its connections, and stays ended', async () => {
    const client = await connected();
    await proxy.close();
    await until(() => client.fate !== undefined && server.sockets.size === 0);
    await proxy.restore();
    const late = new Client(proxy);
    await until(() => late.fate !== undefined);
    expect(late.fate).toBe('ECONNREFUSED');
    await proxy.close();
  });
});
