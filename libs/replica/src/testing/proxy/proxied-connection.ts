import { connect, type Socket } from 'node:net';
import { ProxiedFlow, type ProxyFaults } from './proxied-flow.js';
import type { TcpProxyTarget } from './tcp-proxy.js';

/** What a {@link ProxiedConnection} needs. */
export interface ProxiedConnectionOptions {
  readonly target: TcpProxyTarget;
  readonly faults: () => ProxyFaults;
}

/** A client's connection, together with the one to the target. */
export class ProxiedConnection {
  /** Resolves when both sides have ended. */
  readonly closed: Promise<void>;
  readonly #near: Socket;
  readonly #far: Socket;
  readonly #flows: readonly ProxiedFlow[];
  readonly #options: ProxiedConnectionOptions;
  #resolveClosed: () => void = () => undefined;
  #closedUnheard = false;

  constructor(near: Socket, options: ProxiedConnectionOptions) {
    this.closed = new Promise((resolve) => (this.#resolveClosed = resolve));
    this.#near = near;
    this.#options = options;
    const { host, port } = options.target;
    this.#far = connect({ host, port, noDelay: true, allowHalfOpen: true });
    near.setNoDelay(true);
    for (const socket of [near, this.#far]) {
      socket.unref();
      socket.on('error', () => undefined);
      socket.on('close', (hadError) => this.#ended(hadError));
    }
    this.#flows = [
      new ProxiedFlow(near, this.#far, options.faults),
      new ProxiedFlow(this.#far, near, options.faults),
    ];
  }

  /** Whether the client has not closed it. */
  get isOpen(): boolean {
    return !this.#near.destroyed && !this.#near.readableEnded;
  }

  /** Breaks both sides. */
  reset(): void {
    for (const flow of this.#flows) flow.cut();
    for (const socket of [this.#near, this.#far]) {
      if (socket.destroyed) continue;
      // libuv does not reset a socket that is being shut down, and Node would never report its end.
      const isShuttingDown = socket.writableEnded && !socket.writableFinished;
      if (isShuttingDown) socket.destroy();
      else socket.resetAndDestroy();
    }
  }

  /** Nothing is lost from now on. A side that lost bytes, or missed the other's end, learns of it now. */
  heal(): void {
    if (this.#closedUnheard || this.#flows.some((flow) => flow.hasLost)) this.reset();
  }

  /** One side is gone. If it broke, the other side breaks, too. A proper end goes through the flows, each direction by itself. */
  #ended(hadError: boolean): void {
    if (this.#near.destroyed && this.#far.destroyed) return this.#resolveClosed();
    if (this.#options.faults().losesBytes) this.#closedUnheard = true;
    else if (hadError) this.reset();
  }
}
