import type { Socket } from 'node:net';

/** What the proxy currently does to all of its connections. */
export interface ProxyFaults {
  readonly losesBytes: boolean;
  /** The delay of each direction; milliseconds. */
  readonly delayMs: number;
}

/** Something on its way: bytes, or the end. */
interface Delivery {
  readonly dueMs: number;
  readonly deliver: () => void;
}

/** One direction of a connection. It passes what comes from one socket on to another one, later or never. */
export class ProxiedFlow {
  readonly #from: Socket;
  readonly #to: Socket;
  readonly #faults: () => ProxyFaults;
  #onTheWay: Delivery[] = [];
  #timer: NodeJS.Timeout | undefined;
  #hasLost = false;

  constructor(from: Socket, to: Socket, faults: () => ProxyFaults) {
    this.#from = from;
    this.#to = to;
    this.#faults = faults;
    from.on('data', (bytes: Buffer) => this.#forward(() => this.#write(bytes)));
    from.on('end', () => this.#forward(() => to.end()));
    to.on('drain', () => from.resume());
  }

  /** Whether the receiver did not get everything that was sent to it. */
  get hasLost(): boolean {
    return this.#hasLost;
  }

  /** Nothing more arrives. */
  cut(): void {
    clearTimeout(this.#timer);
    this.#onTheWay = [];
  }

  /** Keeps the order, even if the delay has shrunk. */
  #forward(deliver: () => void): void {
    const { losesBytes, delayMs } = this.#faults();
    if (losesBytes) this.#hasLost = true;
    else if (delayMs === 0 && this.#onTheWay.length === 0) deliver();
    else {
      this.#onTheWay.push({ dueMs: performance.now() + delayMs, deliver });
      if (this.#onTheWay.length === 1) this.#wait(delayMs);
    }
  }

  #wait(ms: number): void {
    this.#timer = setTimeout(() => this.#deliverDue(), Math.ceil(ms));
  }

  #deliverDue(): void {
    for (;;) {
      const next = this.#onTheWay[0];
      if (next === undefined) return;
      const restMs = next.dueMs - performance.now();
      if (restMs > 0) return this.#wait(restMs);
      this.#onTheWay.shift();
      if (this.#faults().losesBytes) this.#hasLost = true;
      else next.deliver();
    }
  }

  #write(bytes: Buffer): void {
    if (!this.#to.destroyed && !this.#to.write(bytes)) this.#from.pause();
  }
}
