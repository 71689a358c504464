import { createServer, type Server, type Socket } from 'node:net';
import { choosePort } from '../choose-port.js';
import { ProxiedConnection } from './proxied-connection.js';
import type { TcpProxy, TcpProxyTarget } from './tcp-proxy.js';

const HOST = '127.0.0.1';

/**
 * Starts a proxy in front of `target`, for example a node of a test cluster. In front of several targets it spreads connections over
 * them in turn, like a load balancer. Give the proxy's `url` to the code under test. The proxy does not keep the process alive.
 *
 * @throws RangeError if there is no target
 */
export async function startTcpProxy(target: TcpProxyTarget | readonly TcpProxyTarget[]): Promise<TcpProxy> {
  const proxy = new ListeningTcpProxy(target, await choosePort());
  await proxy.listen();
  return proxy;
}

class ListeningTcpProxy implements TcpProxy {
  readonly host = HOST;
  readonly port: number;
  readonly url: string;
  readonly #open = new Set<ProxiedConnection>();
  #targets: readonly TcpProxyTarget[] = [];
  /** How many connections were accepted. */
  #accepted = 0;
  #server: Server | undefined;
  #faults = { losesBytes: false, delayMs: 0 };
  #closed = false;

  constructor(target: TcpProxyTarget | readonly TcpProxyTarget[], port: number) {
    this.redirect(target);
    this.port = port;
    const url = new URL(this.#targets[0]?.url ?? 'tcp://host');
    url.hostname = this.host;
    url.port = String(port);
    this.url = url.href;
  }

  get connections(): number {
    return [...this.#open].filter((connection) => connection.isOpen).length;
  }

  blackHole(): void {
    this.#faults = { ...this.#faults, losesBytes: true };
  }

  reset(): void {
    for (const connection of this.#open) connection.reset();
  }

  refuse(): void {
    this.#server?.close();
    this.#server = undefined;
  }

  delay(ms: number): void {
    if (!Number.isFinite(ms) || ms < 0)
      throw new RangeError(`delay(ms) takes milliseconds from 0, not ${ms}`);
    this.#faults = { ...this.#faults, delayMs: ms };
  }

  redirect(target: TcpProxyTarget | readonly TcpProxyTarget[]): void {
    const targets = [target].flat();
    if (targets.length === 0) throw new RangeError('a proxy needs a target');
    this.#targets = targets;
  }

  async restore(): Promise<void> {
    this.#faults = { losesBytes: false, delayMs: 0 };
    for (const connection of this.#open) connection.heal();
    if (this.#server === undefined && !this.#closed) await this.listen();
  }

  async close(): Promise<void> {
    this.#closed = true;
    this.refuse();
    this.reset();
    await Promise.all([...this.#open].map((connection) => connection.closed));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  /** Accepts connections from now on. */
  async listen(): Promise<void> {
    const server = createServer({ allowHalfOpen: true }, (near) => this.#accept(near));
    server.unref();
    this.#server = server;
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject);
      server.listen({ port: this.port, host: this.host, exclusive: true }, resolve);
    });
  }

  #accept(near: Socket): void {
    const target = this.#targets[this.#accepted++ % this.#targets.length] as TcpProxyTarget;
    const connection = new ProxiedConnection(near, {
      target,
      faults: () => this.#faults,
    });
    this.#open.add(connection);
    void connection.closed.then(() => this.#open.delete(connection));
  }
}
